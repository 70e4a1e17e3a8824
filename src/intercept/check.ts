/** One endpoint's links, filters and entries against its record. */
import { type AttachmentKey, type EndpointRecord, linksOf } from '../core/endpoint.js'
import type { Link } from '../core/netlink/link.js'
import type { InterceptContext } from './context.js'
import { driftOfLink, type WantedLink } from './device-drift.js'
import { readDevices } from './devices.js'
import type { Drift, Enforcer, Seen } from './driver.js'
import { withDriverOf } from './drivers.js'
import { readRecord } from './endpoint-records.js'
import { closeEnforcer, linkByIndex, openEnforcer } from './enforcer.js'
import { checkEnforcer } from './enforcer-drift.js'
import { checkHairpin } from './hairpin/drift.js'
import { inPodNetns } from './kept-interfaces.js'
import { linkAlias } from './link-names.js'
import { checkRuled } from './nfqueue/ruled-netns.js'

export interface WantedPair {
  readonly vin: WantedLink
  readonly vex: WantedLink
}

export function wantedPair(record: EndpointRecord): WantedPair {
  const links = linksOf(record)
  const { mtuOctets, mac } = links
  const alike = { mtuOctets, gsoMaxOctets: null }
  return {
    vin: {
      ...{ ...alike, ifindex: links.vinIfindex, name: links.vinName },
      ...{ mac: null, alias: linkAlias(record, 'vin') },
    },
    vex: {
      ...{ ...alike, ifindex: links.vexIfindex, name: links.vexName },
      ...{ mac, alias: linkAlias(record, 'vex') },
    },
  }
}

/**
 * CNI CHECK: all differences at once, those of what every endpoint shares too. `toldMac` is the final
 * result's, which a later plugin may have changed. null = there is no such endpoint.
 */
export function check(
  context: InterceptContext,
  key: AttachmentKey,
  toldMac: string | null = null,
): Drift[] | null {
  const { os, instance } = context
  const record = readRecord(instance, key, context.warn)
  if (record === null) return null
  if (record.attachment === 'rules') return checkRuled(context, record)
  const enforcer = openEnforcer(os, instance)
  if (enforcer === null) {
    const want = 'a network namespace'
    return [{ what: 'mount', subject: instance.netnsPath, want, have: 'none' }]
  }
  try {
    const devices = readDevices(os, enforcer.netlinkFd)
    return withDriverOf(context, record, (driver) => [
      ...checkEnforcer({ ...context, driver }, enforcer, { devices }),
      ...checkEndpoint({ ...context, driver }, enforcer, record, { devices }),
      ...driftOfPod(context, record, toldMac),
    ])
  } finally {
    closeEnforcer(os, enforcer)
  }
}

/** In the enforcer: the pod's own end is its own. */
export function checkEndpoint(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  seen: Seen,
): Drift[] {
  if (record.attachment === 'hairpin') {
    return withDriverOf(context, record, (driver) =>
      checkHairpin({ ...context, driver }, enforcer, record, seen),
    )
  }
  const { vin, vex } = wantedPair(record)
  const { devices } = seen
  return [
    ...[vin, vex].flatMap((want) => driftOfLink(devices, want)),
    ...withDriverOf(context, record, (driver) => driver.check(enforcer, record, seen)),
  ]
}

/** A pod that is gone has no drift: DEL is on its way. */
function driftOfPod(
  context: InterceptContext,
  record: EndpointRecord,
  toldMac: string | null,
): Drift[] {
  const links = linksOf(record)
  const drift = inPodNetns(context, record, ({ netlinkFd }) => {
    const link = linkByIndex(context.os, netlinkFd, links.podIfindex)
    return driftOfPodLink(link, record, toldMac ?? links.mac)
  })
  return drift ?? []
}

/** What a plugin after us may change (MTU, addresses, routes, settings) is not looked at. */
function driftOfPodLink(link: Link | null, record: EndpointRecord, mac: string): Drift[] {
  const { ifName, netns } = record
  const links = linksOf(record)
  const what = 'link'
  const subject = `${ifName} in ${netns}`
  if (link === null) return [{ what, subject, want: `ifindex ${links.podIfindex}`, have: 'none' }]
  const isSwap = record.attachment === 'swap'
  const wanted = { name: ifName, mac, peer: isSwap ? links.vinIfindex : link.peerIfindex }
  const had = { name: link.name, mac: link.mac, peer: link.peerIfindex }
  return (['name', 'mac', 'peer'] as const).flatMap((field): Drift[] =>
    wanted[field] === had[field]
      ? []
      : [
          {
            what,
            subject: `${field} of ${subject}`,
            want: `${wanted[field]}`,
            have: `${had[field]}`,
          },
        ],
  )
}
