/**
 * Addresses, routes and neighbours of one device, kept as the kernel told them and told back with only
 * what it computes itself left out: an attribute that we don't know survives.
 */
import {
  type Attribute,
  asU32,
  decodeAttributes,
  encodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  u32,
  viewOf,
} from './attribute.js'
import {
  joined,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  type Request,
} from './message.js'

const RTM_NEWADDR = 20
const RTM_GETADDR = 22
const RTM_NEWROUTE = 24
const RTM_DELROUTE = 25
const RTM_GETROUTE = 26
const RTM_NEWNEIGH = 28
const RTM_GETNEIGH = 30
export const AF_INET = 2
export const AF_INET6 = 10

/** One object: family header and attributes, as dumped. */
export interface Dumped {
  readonly header: Uint8Array
  readonly attributes: readonly Attribute[]
}

/** sizeof: struct ifaddrmsg, struct rtmsg, struct ndmsg. */
const IFADDRMSG_OCTETS = 8
const RTMSG_OCTETS = 12
const NDMSG_OCTETS = 12

function split(message: Message, headerOctets: number): Dumped {
  return {
    header: message.payload.subarray(0, headerOctets),
    attributes: decodeAttributes(message.payload.subarray(headerOctets)),
  }
}

function request(type: number, flags: number, dumped: Dumped, subject: string): Request {
  const payload = joined(dumped.header, encodeAttributes(dumped.attributes))
  return { type, flags: flags | NLM_F_ACK, payload, subject }
}

function dumpOf(type: number, family: number, headerOctets: number, subject: string): Request {
  const payload = new Uint8Array(headerOctets)
  payload[0] = family
  return { type, flags: NLM_F_DUMP, payload, subject }
}

const without = (attributes: readonly Attribute[], types: readonly number[]): Attribute[] =>
  attributes.filter((attribute) => !types.includes(attribute.type))

// ── addresses: linux/if_addr.h ──────────────────────────────────────────────

const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8
const IFA_F_NODAD = 0x02
const IFA_F_DADFAILED = 0x08
const IFA_F_TENTATIVE = 0x40
const IFA_F_PERMANENT = 0x80
/** In IPv4 IFA_F_SECONDARY: the order of addresses decides it. In IPv6 IFA_F_TEMPORARY. */
const IFA_F_SECONDARY = 0x01

export function dumpAddresses(): Request {
  return dumpOf(RTM_GETADDR, 0, IFADDRMSG_OCTETS, 'RTM_GETADDR')
}

/** Of that device, in the kernel's order; null = another's, or no address. */
export function addressOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWADDR) return null
  const dumped = split(message, IFADDRMSG_OCTETS)
  return viewOf(dumped.header).getUint32(4, HOST_LITTLE_ENDIAN) === ifindex ? dumped : null
}

/** Put back at once usable: duplicate address detection was done when it first came. */
export function addAddress(address: Dumped): Request {
  const told = find(address.attributes, IFA_FLAGS)
  const flags = told === null ? (address.header[2] ?? 0) : asU32(told)
  const computed = IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_PERMANENT | IFA_F_SECONDARY
  const isV6 = address.header[0] === AF_INET6
  const wanted = (flags & ~computed) | (isV6 ? IFA_F_NODAD : 0)
  const header = address.header.slice()
  header[2] = wanted & 0xff
  const attributes = [...without(address.attributes, [IFA_FLAGS]), u32(IFA_FLAGS, wanted)]
  const create = NLM_F_CREATE | (isV6 ? NLM_F_REPLACE : NLM_F_EXCL)
  return request(RTM_NEWADDR, create, { header, attributes }, 'RTM_NEWADDR')
}

// ── routes: linux/rtnetlink.h ───────────────────────────────────────────────

const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_MULTIPATH = 9
const RTA_CACHEINFO = 12
const RTA_TABLE = 15
const RTA_VIA = 18
const RTA_EXPIRES = 23
const RTPROT_KERNEL = 2
const RT_TABLE_LOCAL = 255
const RTM_F_CLONED = 0x200
/** RTNH_F_*: the kernel's own view of a next hop, all but ONLINK (4) and PERVASIVE (2). */
const NEXT_HOP_SETTABLE = 0x06
/** struct rta_cacheinfo: rta_expires at octet 8, in 1/USER_HZ s. */
const EXPIRES_OFFSET = 8
const USER_HZ = 100

export function dumpRoutes(family: typeof AF_INET | typeof AF_INET6): Request {
  return dumpOf(RTM_GETROUTE, family, RTMSG_OCTETS, 'RTM_GETROUTE')
}

/** struct rtnexthop: length, flags, hops, ifindex; then attributes. */
function* nextHops(octets: Uint8Array): Generator<{ ifindex: number }> {
  const view = viewOf(octets)
  for (let at = 0; octets.length - at >= 8; ) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < 8) return
    yield { ifindex: view.getInt32(at + 4, HOST_LITTLE_ENDIAN) }
    at += (length + 3) & ~3
  }
}

function tableOf(route: Dumped): number {
  const table = find(route.attributes, RTA_TABLE)
  return table === null ? (route.header[4] ?? 0) : asU32(table)
}

/** Through that device and not made by the kernel itself with the address (table local). */
export function routeOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWROUTE) return null
  const route = split(message, RTMSG_OCTETS)
  const isCloned = (viewOf(route.header).getUint32(8, HOST_LITTLE_ENDIAN) & RTM_F_CLONED) !== 0
  if (isCloned || (tableOf(route) === RT_TABLE_LOCAL && route.header[5] === RTPROT_KERNEL))
    return null
  const out = find(route.attributes, RTA_OIF)
  if (out !== null) return asU32(out) === ifindex ? route : null
  const hops = find(route.attributes, RTA_MULTIPATH)
  const isOurs = hops !== null && [...nextHops(hops.octets)].some((hop) => hop.ifindex === ifindex)
  return isOurs ? route : null
}

/** What a route is, without what the kernel reports of its life. */
function settable(route: Dumped): Dumped {
  const header = route.header.slice()
  const view = viewOf(header)
  view.setUint32(8, view.getUint32(8, HOST_LITTLE_ENDIAN) & NEXT_HOP_SETTABLE, HOST_LITTLE_ENDIAN)
  const cache = find(route.attributes, RTA_CACHEINFO)
  const ticks =
    cache === null || cache.octets.length < EXPIRES_OFFSET + 4
      ? 0
      : viewOf(cache.octets).getInt32(EXPIRES_OFFSET, HOST_LITTLE_ENDIAN)
  const expires = ticks > 0 ? [u32(RTA_EXPIRES, Math.ceil(ticks / USER_HZ))] : []
  return { header, attributes: [...without(route.attributes, [RTA_CACHEINFO]), ...expires] }
}

/** Two routes with the same key say the same thing of the same prefix. */
export function routeKey(route: Dumped): string {
  const { header, attributes } = settable(route)
  const rest = without(attributes, [RTA_EXPIRES])
  return joined(header, encodeAttributes(rest)).join()
}

export function addRoute(route: Dumped): Request {
  return request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, settable(route), 'RTM_NEWROUTE')
}

export function deleteRoute(route: Dumped): Request {
  return request(RTM_DELROUTE, 0, settable(route), 'RTM_DELROUTE')
}

/** A gateway must be reachable before a route may name it: link-scope routes come first. */
export function hasGateway(route: Dumped): boolean {
  const multi = find(route.attributes, RTA_MULTIPATH)
  if (multi !== null) return true
  return find(route.attributes, RTA_GATEWAY) !== null || find(route.attributes, RTA_VIA) !== null
}

// ── neighbours: linux/neighbour.h ───────────────────────────────────────────

const NUD_PERMANENT = 0x80
const NDA_CACHEINFO = 3
const NDA_PROBES = 4

export function dumpNeighbours(): Request {
  return dumpOf(RTM_GETNEIGH, 0, NDMSG_OCTETS, 'RTM_GETNEIGH')
}

/** Those that somebody set for good; learned ones are learned again. */
export function permanentNeighbourOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWNEIGH) return null
  const neighbour = split(message, NDMSG_OCTETS)
  const view = viewOf(neighbour.header)
  const isOurs = view.getInt32(4, HOST_LITTLE_ENDIAN) === ifindex
  const isPermanent = (view.getUint16(8, HOST_LITTLE_ENDIAN) & NUD_PERMANENT) !== 0
  return isOurs && isPermanent ? neighbour : null
}

export function addNeighbour(neighbour: Dumped): Request {
  const attributes = without(neighbour.attributes, [NDA_CACHEINFO, NDA_PROBES])
  const flags = NLM_F_CREATE | NLM_F_REPLACE
  return request(RTM_NEWNEIGH, flags, { header: neighbour.header, attributes }, 'RTM_NEWNEIGH')
}

/** IFA_LOCAL is the own address, IFA_ADDRESS the peer's on point-to-point links. */
export function addressParts(address: Dumped): { octets: Uint8Array; prefixLength: number } {
  const local = find(address.attributes, IFA_LOCAL) ?? find(address.attributes, IFA_ADDRESS)
  return { octets: local?.octets ?? new Uint8Array(), prefixLength: address.header[1] ?? 0 }
}
