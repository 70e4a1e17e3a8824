/** One endpoint's links and filters against its record. */
import { closeSync } from 'node:fs'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { IFF_UP, type Link } from '../core/netlink/link.js'
import type { InterceptContext } from './context.js'
import type { Drift, Enforcer } from './driver.js'
import { withDriverOf } from './drivers.js'
import { readRecord } from './endpoint-records.js'
import { closeEnforcer, linkByIndex, NETLINK_ROUTE, openEnforcer } from './enforcer.js'
import { openNetns } from './netns.js'

/** null = there is no such endpoint. */
export function check(context: InterceptContext, key: AttachmentKey): Drift[] | null {
  const { os, instance } = context
  const record = readRecord(instance, key, context.warn)
  if (record === null) return null
  const enforcer = openEnforcer(os, instance)
  if (enforcer === null) {
    return [{ subject: instance.netnsPath, want: 'a network namespace', have: 'none' }]
  }
  try {
    return checkEndpoint(context, enforcer, record)
  } finally {
    closeEnforcer(os, enforcer)
  }
}

export function checkEndpoint(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
): Drift[] {
  const { vinIfindex, vinName, vexIfindex, vexName } = record.links
  const drift = [
    ...driftOfLink(context, enforcer, vinIfindex, vinName),
    ...driftOfLink(context, enforcer, vexIfindex, vexName),
    ...driftOfPod(context, record),
  ]
  return drift.length > 0
    ? drift
    : withDriverOf(context, record, (driver) => driver.check(enforcer, record))
}

function stateOf(link: Link | null): string {
  if (link === null) return 'none'
  return (link.flags & IFF_UP) === 0 ? `${link.name} down` : `${link.name} up`
}

function driftOfLink(
  { os }: InterceptContext,
  enforcer: Enforcer,
  ifindex: number,
  name: string,
): Drift[] {
  const have = stateOf(linkByIndex(os, enforcer.netlinkFd, ifindex))
  const want = `${name} up`
  return have === want ? [] : [{ subject: `enforcer link ${ifindex}`, want, have }]
}

/** A pod that is gone has no drift: DEL is on its way. */
function driftOfPod({ os }: InterceptContext, record: EndpointRecord): Drift[] {
  const netns = openNetns(record.netns)
  if (netns === null) return []
  try {
    if (netns.identity !== record.netnsInode) return []
    const netlinkFd = os.netlinkOpen(netns.fd, NETLINK_ROUTE)
    try {
      return driftOfPodLink(linkByIndex(os, netlinkFd, record.links.podIfindex), record)
    } finally {
      os.close(netlinkFd)
    }
  } finally {
    closeSync(netns.fd)
  }
}

function driftOfPodLink(link: Link | null, { ifName, links, netns }: EndpointRecord): Drift[] {
  const subject = `${ifName} in ${netns}`
  if (link === null) return [{ subject, want: `ifindex ${links.podIfindex}`, have: 'none' }]
  const wanted = { name: ifName, mac: links.mac, peer: links.vinIfindex }
  const had = { name: link.name, mac: link.mac, peer: link.peerIfindex }
  return (['name', 'mac', 'peer'] as const).flatMap((what) =>
    wanted[what] === had[what]
      ? []
      : [{ subject: `${what} of ${subject}`, want: `${wanted[what]}`, have: `${had[what]}` }],
  )
}
