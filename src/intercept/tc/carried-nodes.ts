/**
 * A carried flow's u32 nodes: on vin and on vex one that redirects its frames to the other device, MACs
 * untouched. They hang in hash tables, by the opener's port, which differs where the other one is the same
 * for many flows. FIN, SYN and RST are matched by none: they go the endpoint's way.
 */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import type { FoundFilter } from '../../core/netlink/filter.js'
import {
  type DecodedU32Node,
  decodeU32Node,
  ROOT_TABLE,
  type U32Link,
  type U32Match,
  type U32Node,
} from '../../core/netlink/u32.js'
import { isSameActions, isSameSelector } from './difference.js'
import { matchMac, type Slot } from './frame-words.js'

export type Device = 'vin' | 'vex'
export const DEVICES: readonly Device[] = ['vin', 'vex']

/** TCP; both ends as the endpoint's pod sees them. */
export interface CarriedFlow {
  /** Network order, 4 or 16 octets. */
  readonly pod: Uint8Array
  readonly peer: Uint8Array
  readonly podPort: number
  readonly peerPort: number
  readonly opener: 'pod' | 'peer'
}

type Family = 'ipv4' | 'ipv6'
interface Place {
  /** Of the hash table, and of the root's node that leads to it. */
  readonly table: number
  readonly node: number
  readonly family: Family
  readonly opener: CarriedFlow['opener']
}

/** Between the nodes of forged markers and the pod's own (endpoint-rules.ts). */
const PLACES: readonly Place[] = [
  { table: 1, node: 3, family: 'ipv4', opener: 'pod' },
  { table: 2, node: 4, family: 'ipv4', opener: 'peer' },
  { table: 3, node: 5, family: 'ipv6', opener: 'pod' },
  { table: 4, node: 6, family: 'ipv6', opener: 'peer' },
]
export const BUCKETS = 256
/** Each has one number in all buckets. */
export const SLOTS = 64

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const
/** RFC 9293 §3.1: FIN, SYN and RST in the word with the window. */
const NO_END: Omit<U32Match, 'offset'> = { mask: 0x0007_0000, value: 0 }

/** Fixed offsets: no IPv4 options, no IPv6 extension headers, no fragments. */
const HEADERS: Readonly<Record<Family, readonly U32Match[]>> = {
  ipv4: [
    { offset: 0, mask: 0xff00_0000, value: 0x4500_0000 },
    { offset: 4, mask: 0x0000_3fff, value: 0 },
    { offset: 8, mask: 0x00ff_0000, value: 0x0006_0000 },
  ],
  ipv6: [
    { offset: 0, mask: 0xf000_0000, value: 0x6000_0000 },
    { offset: 4, mask: 0x0000_ff00, value: 0x0000_0600 },
  ],
}
/** RFC 791 §3.1, RFC 8200 §3. */
const OFFSETS = {
  ipv4: { source: 12, destination: 16, tcp: 20 },
  ipv6: { source: 8, destination: 24, tcp: 40 },
} as const
const TCP_FLAGS = 12

function familyOf({ pod }: CarriedFlow): Family {
  return pod.length === 4 ? 'ipv4' : 'ipv6'
}

function placeOf(flow: CarriedFlow): Place {
  const family = familyOf(flow)
  const place = PLACES.find((one) => one.family === family && one.opener === flow.opener)
  if (place === undefined) throw new Error(`no place for ${family} opened by ${flow.opener}`)
  return place
}

/** From vin frames of the pod come, from vex those to it. */
function isPodsSlot(device: Device): Slot {
  return device === 'vin' ? 'source' : 'destination'
}

function ethertype(family: Family): U32Match {
  return { offset: -4, mask: 0x0000_ffff, value: ETHERTYPE[family] }
}

/** Source in the upper half, destination in the lower one. */
function hashKey({ family, opener }: Place, device: Device): NonNullable<U32Link['hashKey']> {
  const isSource = (opener === 'pod') === (device === 'vin')
  return { offset: OFFSETS[family].tcp, mask: isSource ? 0x00ff_0000 : 0x0000_00ff }
}

function linkNode(mac: string, place: Place, device: Device): U32Node {
  const { family, node, table } = place
  return {
    ...{ table: ROOT_TABLE, bucket: 0, node },
    // The ethertype first: behind another one there may be fewer octets than are looked at.
    matches: [...matchMac(isPodsSlot(device), mac), ethertype(family), ...HEADERS[family]],
    link: { table, hashKey: hashKey(place, device) },
    actions: [],
  }
}

function words(offset: number, octets: Uint8Array): U32Match[] {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  return Array.from({ length: octets.length / 4 }, (_, at) => {
    return { offset: offset + 4 * at, mask: 0xffff_ffff, value: view.getUint32(4 * at) }
  })
}

function flowNode(flow: CarriedFlow, slot: number, device: Device, exit: number): U32Node {
  const { pod, peer, podPort, peerPort } = flow
  const isFromPod = device === 'vin'
  const [source, destination] = isFromPod ? [pod, peer] : [peer, pod]
  const [sourcePort, destinationPort] = isFromPod ? [podPort, peerPort] : [peerPort, podPort]
  const offsets = OFFSETS[familyOf(flow)]
  const ports = ((sourcePort << 16) | destinationPort) >>> 0
  return {
    table: placeOf(flow).table,
    bucket: (flow.opener === 'pod' ? podPort : peerPort) & 0xff,
    node: slot,
    matches: [
      { offset: offsets.tcp, mask: 0xffff_ffff, value: ports },
      ...words(offsets.source, source),
      ...words(offsets.destination, destination),
      { offset: offsets.tcp + TCP_FLAGS, ...NO_END },
    ],
    actions: [{ kind: 'mirred', eaction: 'redirect', ifindex: exit }],
  }
}

export interface CarriedNodes {
  readonly table: number
  readonly link: U32Node
  readonly flow: U32Node
}

function exitOf(record: EndpointRecord, device: Device): number {
  const { vinIfindex, vexIfindex } = linksOf(record)
  return device === 'vin' ? vexIfindex : vinIfindex
}

export function carriedNodes(
  record: EndpointRecord,
  flow: CarriedFlow,
  slot: number,
  device: Device,
): CarriedNodes {
  const place = placeOf(flow)
  return {
    table: place.table,
    link: linkNode(linksOf(record).mac, place, device),
    flow: flowNode(flow, slot, device, exitOf(record, device)),
  }
}

export function isLink({ table, node }: Pick<U32Node, 'table' | 'node'>): boolean {
  return table === ROOT_TABLE && PLACES.some((place) => place.node === node)
}

/** A carried flow's, or what takes that place. */
export function isInTables({ table }: Pick<U32Node, 'table'>): boolean {
  return PLACES.some((place) => place.table === table)
}

/** What a node in the tables of `device` carries; null = no flow of ours could have that form. */
function flowIn({ table, matches }: DecodedU32Node, device: Device): CarriedFlow | null {
  const place = PLACES.find((one) => one.table === table)
  if (place === undefined) return null
  const offsets = OFFSETS[place.family]
  const valueAt = (offset: number) => matches.find((match) => match.offset === offset)?.value ?? 0
  const address = (offset: number) => {
    const octets = new Uint8Array(place.family === 'ipv4' ? 4 : 16)
    const view = new DataView(octets.buffer)
    for (let at = 0; at < octets.length; at += 4) view.setUint32(at, valueAt(offset + at))
    return octets
  }
  const [source, destination] = [address(offsets.source), address(offsets.destination)]
  const ports = valueAt(offsets.tcp)
  const [sourcePort, destinationPort] = [ports >>> 16, ports & 0xffff]
  const { opener } = place
  return device === 'vin'
    ? { pod: source, peer: destination, podPort: sourcePort, peerPort: destinationPort, opener }
    : { pod: destination, peer: source, podPort: destinationPort, peerPort: sourcePort, opener }
}

/** Whoever put it there: it does no more than a carried flow's would, or leads to where such are. */
export function isCarriedNode(
  record: EndpointRecord,
  device: Device,
  found: Pick<FoundFilter, 'kind' | 'handle' | 'options' | 'ifindex' | 'priority'>,
): boolean {
  const node = decodeU32Node(found)
  if (node === null) return false
  if (isLink(node)) {
    const place = PLACES.find((one) => one.node === node.node)
    if (place === undefined) return false
    const want = linkNode(linksOf(record).mac, place, device)
    return isSameSelector(want, node) && node.actions.length === 0
  }
  const flow = flowIn(node, device)
  if (flow === null || node.node > SLOTS) return false
  const want = flowNode(flow, node.node, device, exitOf(record, device))
  return node.bucket === want.bucket && isSameSelector(want, node) && isSameActions(want, node)
}
