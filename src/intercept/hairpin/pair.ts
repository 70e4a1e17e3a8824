/** The pair vw0, in the pod, and vin, in the enforcer: both ends have one index, of which the record has vin's. */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { VEX_IFINDEX_BASE } from '../../core/instance.js'
import { IFF_NOARP, IFF_RUNNING, IN6_ADDR_GEN_MODE_NONE } from '../../core/netlink/link.js'
import { deleteLink, newVethPair, setLink, setLinkFlags } from '../../core/netlink/link-request.js'
import type { InterceptContext } from '../context.js'
import type { WantedLink } from '../device-drift.js'
import type { Enforcer } from '../driver.js'
import { linkByIndex, MTU_OCTETS } from '../enforcer.js'
import { linkAlias, vw0Names } from '../link-names.js'
import type { PodNetns } from '../pod-state.js'
import { readLink } from '../pod-state.js'
import { awaitOperational } from '../replay.js'
import { apply } from '../rtnetlink.js'

const TX_QUEUE_FRAMES = 1000
/** Endpoint ids are 14 bits: the vex of all of them come first. */
const INDEXES_APART = 0x4000
const CANDIDATES = 8
const GONE = { accept: ['ENODEV', 'ENOENT'] }

/** Free in both namespaces: another instance may have given its own to the same pod. */
export function freeIfindex(
  { os }: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  id: number,
): number {
  for (let nth = 1; nth <= CANDIDATES; nth++) {
    const ifindex = VEX_IFINDEX_BASE + nth * INDEXES_APART + id
    const taken = [enforcer, pod].some(
      ({ netlinkFd }) => linkByIndex(os, netlinkFd, ifindex) !== null,
    )
    if (!taken) return ifindex
  }
  throw new Error(`no interface index is free for the hairpin of endpoint ${id}`)
}

export function wantedVin(record: EndpointRecord): WantedLink {
  const { vinName, vinIfindex } = linksOf(record)
  const alike = { mtuOctets: MTU_OCTETS, mac: null, gsoMaxOctets: null }
  return { ...alike, ifindex: vinIfindex, name: vinName, alias: linkAlias(record, 'vin') }
}

/** Down, and mute: the pod's stack has nothing to say on vw0. */
export function makePair(
  { os }: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  record: EndpointRecord,
): void {
  const { vinName, vinIfindex: ifindex } = linksOf(record)
  const names = vw0Names(record.id)
  const vw0 = names.find((name) => readLink(os, pod.netlinkFd, name) === null)
  if (vw0 === undefined) throw new Error(`${names.join(' and ')} are taken in ${record.netns}`)
  const end = { ifindex, mtuOctets: MTU_OCTETS, txQueueFrames: TX_QUEUE_FRAMES, mac: null }
  apply(os, enforcer.netlinkFd, [
    newVethPair({ ...end, name: vinName }, { ...end, name: vw0 }, pod.netnsFd),
    setLink(ifindex, { alias: linkAlias(record, 'vin') }, vinName),
  ])
  apply(os, pod.netlinkFd, [
    setLink(ifindex, { alias: linkAlias(record, 'vw0') }, vw0),
    setLink(ifindex, { addrGenMode: IN6_ADDR_GEN_MODE_NONE }, vw0),
    setLinkFlags(ifindex, IFF_NOARP),
  ])
  // Absent where the kernel has no IPv6, which is as good.
  os.netnsWriteFiles(pod.netnsFd, [[`/proc/sys/net/ipv6/conf/${vw0}/disable_ipv6`, '1']])
}

/** Returns when frames pass: until the kernel has seen the carrier, the end that came up first drops them. */
export function setPairUp(
  { os }: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  record: EndpointRecord,
): void {
  const { vinIfindex: ifindex } = linksOf(record)
  for (const { netlinkFd } of [enforcer, pod]) {
    apply(os, netlinkFd, [setLink(ifindex, { up: true })])
  }
  for (const { netlinkFd } of [enforcer, pod]) {
    const name = linkByIndex(os, netlinkFd, ifindex)?.name
    if (name !== undefined) awaitOperational(os, netlinkFd, { name, flags: IFF_RUNNING })
  }
}

/** vw0 goes with vin. */
export function deletePair(
  { os }: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
): void {
  const { vinName } = linksOf(record)
  const vin = readLink(os, enforcer.netlinkFd, vinName)
  if (vin !== null) apply(os, enforcer.netlinkFd, [deleteLink(vin.ifindex, vinName)], GONE)
}
