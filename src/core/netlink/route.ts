/** Routes through a device (RTM_*ROUTE, linux/rtnetlink.h), of every table. */
import {
  type Attribute,
  asU32,
  binary,
  decodeAttributes,
  encodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  NetlinkFormatError,
  u32,
  viewOf,
} from './attribute.js'
import {
  type AF_INET,
  AF_INET6,
  type Dumped,
  dumpOf,
  requestOf,
  splitMessage,
  without,
} from './dumped.js'
import type { Request } from './message.js'
import { joined, type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REPLACE } from './message.js'

export const RTM_NEWROUTE = 24
export const RTM_DELROUTE = 25
export const RTM_GETROUTE = 26
const RTMSG_OCTETS = 12
const RTA_DST = 1
const RTA_OIF = 4
const RTA_GATEWAY = 5
const RTA_PRIORITY = 6
const RTA_MULTIPATH = 9
const RTA_CACHEINFO = 12
const RTA_TABLE = 15
const RTA_VIA = 18
const RTA_EXPIRES = 23
const RTA_NH_ID = 30
const RTPROT_KERNEL = 2
const RTPROT_STATIC = 4
const RTN_UNICAST = 1
const RT_TABLE_MAIN = 254
const RT_TABLE_LOCAL = 255
const IPV6_BITS = 128
/** No route of a user's has it: 0 and 1024 are what tools choose. */
const STEPPING_METRIC = 0xffff_fffe
const RTM_F_CLONED = 0x200
/** Of RTNH_F_*, what a user sets: ONLINK. The rest (dead, linkdown, offloaded, …) is the kernel's report. */
const RTNH_F_ONLINK = 4
const RTNEXTHOP_OCTETS = 8
/** struct rta_cacheinfo: rta_expires at octet 8, in 1/USER_HZ s. */
const EXPIRES_OFFSET = 8
const USER_HZ = 100

export function dumpRoutes(family: typeof AF_INET | typeof AF_INET6): Request {
  const header = new Uint8Array(RTMSG_OCTETS)
  header[0] = family
  return dumpOf(RTM_GETROUTE, header, 'RTM_GETROUTE')
}

interface NextHop {
  /** Where struct rtnexthop {length, flags, hops, ifindex} begins. */
  readonly at: number
  readonly length: number
  readonly ifindex: number
}

function nextHops(octets: Uint8Array): NextHop[] {
  const view = viewOf(octets)
  const hops: NextHop[] = []
  for (let at = 0; octets.length - at >= RTNEXTHOP_OCTETS; ) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    if (length < RTNEXTHOP_OCTETS || length > octets.length - at) {
      throw new NetlinkFormatError(`rtnexthop at octet ${at}: length ${length}`)
    }
    hops.push({ at, length, ifindex: view.getInt32(at + 4, HOST_LITTLE_ENDIAN) })
    at += (length + 3) & ~3
  }
  return hops
}

function tableOf(route: Dumped): number {
  const table = find(route.attributes, RTA_TABLE)
  return table === null ? (route.header[4] ?? 0) : asU32(table)
}

/** Through that device, alone or as a hop of several; null also for what comes with an address by itself. */
export function routeOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWROUTE) return null
  const route = splitMessage(message, RTMSG_OCTETS)
  const isCloned = (viewOf(route.header).getUint32(8, HOST_LITTLE_ENDIAN) & RTM_F_CLONED) !== 0
  const isImplied = tableOf(route) === RT_TABLE_LOCAL && route.header[5] === RTPROT_KERNEL
  if (isCloned || isImplied) return null
  return outIfindexes(route).includes(ifindex) ? route : null
}

function outIfindexes(route: Dumped): number[] {
  const out = find(route.attributes, RTA_OIF)
  const multipath = find(route.attributes, RTA_MULTIPATH)
  const hops = multipath === null ? [] : nextHops(multipath.octets).map((hop) => hop.ifindex)
  return out === null ? hops : [asU32(out), ...hops]
}

function hopsOn(multipath: Attribute, from: number, to: number): Attribute {
  const octets = multipath.octets.slice()
  const view = viewOf(octets)
  for (const { at, ifindex } of nextHops(octets)) {
    if (ifindex === from) view.setInt32(at + 4, to, HOST_LITTLE_ENDIAN)
  }
  return { ...multipath, octets }
}

/** The same route, through device `to` where it went through `from`; hops of other devices stay. */
export function routeOn(route: Dumped, from: number, to: number): Dumped {
  const attributes = route.attributes.map((attribute) => {
    if (attribute.type === RTA_MULTIPATH) return hopsOn(attribute, from, to)
    return attribute.type === RTA_OIF && asU32(attribute) === from ? u32(RTA_OIF, to) : attribute
  })
  return { ...route, attributes }
}

function withSettableFlags(multipath: Attribute): Attribute {
  const octets = multipath.octets.slice()
  for (const { at } of nextHops(octets)) octets[at + 2] = (octets[at + 2] ?? 0) & RTNH_F_ONLINK
  return { ...multipath, octets }
}

function expiresSeconds(route: Dumped): number {
  const cache = find(route.attributes, RTA_CACHEINFO)
  if (cache === null || cache.octets.length < EXPIRES_OFFSET + 4) return 0
  const ticks = viewOf(cache.octets).getInt32(EXPIRES_OFFSET, HOST_LITTLE_ENDIAN)
  return ticks > 0 ? Math.ceil(ticks / USER_HZ) : 0
}

/**
 * What a route is, without what the kernel reports of its life. A next hop object dies with its device;
 * the dump spells out what it said, so the route keeps its way without it.
 */
function settable(route: Dumped): Dumped {
  const header = route.header.slice()
  const view = viewOf(header)
  view.setUint32(8, view.getUint32(8, HOST_LITTLE_ENDIAN) & RTNH_F_ONLINK, HOST_LITTLE_ENDIAN)
  const kept = without(route.attributes, [RTA_CACHEINFO, RTA_NH_ID]).map((a) =>
    a.type === RTA_MULTIPATH ? withSettableFlags(a) : a,
  )
  const seconds = expiresSeconds(route)
  return { header, attributes: seconds > 0 ? [...kept, u32(RTA_EXPIRES, seconds)] : kept }
}

/** Two routes with the same key say the same thing of the same prefix. */
export function routeKey(route: Dumped): string {
  const { header, attributes } = settable(route)
  return joined(header, encodeAttributes(without(attributes, [RTA_EXPIRES]))).join()
}

/**
 * Behind others of its prefix and metric, which may be other devices'. A route of several hops replaces
 * its remainder: the kernel took only the hops of the device that went.
 */
export function addRoute(route: Dumped): Request {
  const isMultipath = find(route.attributes, RTA_MULTIPATH) !== null
  const flags = NLM_F_CREATE | (isMultipath ? NLM_F_REPLACE : NLM_F_APPEND)
  return requestOf(RTM_NEWROUTE, flags, settable(route), 'RTM_NEWROUTE')
}

export function deleteRoute(route: Dumped): Request {
  return requestOf(RTM_DELROUTE, 0, settable(route), 'RTM_DELROUTE')
}

/** A gateway must be reachable before a route may name it: link-scope routes come first. */
export function hasGateway(route: Dumped): boolean {
  return [RTA_GATEWAY, RTA_VIA, RTA_MULTIPATH].some((type) => find(route.attributes, type) !== null)
}

interface Gateway {
  readonly octets: Uint8Array
  readonly ifindex: number
}

function gatewaysOf(route: Dumped): Gateway[] {
  const gateway = find(route.attributes, RTA_GATEWAY)
  const out = find(route.attributes, RTA_OIF)
  const single =
    gateway === null || out === null ? [] : [{ octets: gateway.octets, ifindex: asU32(out) }]
  const { octets } = find(route.attributes, RTA_MULTIPATH) ?? { octets: new Uint8Array(0) }
  const hops = nextHops(octets).flatMap(({ at, ifindex, length }) => {
    const attributes = decodeAttributes(octets.subarray(at + RTNEXTHOP_OCTETS, at + length))
    const hop = find(attributes, RTA_GATEWAY)
    return hop === null ? [] : [{ octets: hop.octets, ifindex }]
  })
  return [...single, ...hops]
}

const isLinkLocal = ({ octets }: Gateway): boolean =>
  octets[0] === 0xfe && ((octets[1] ?? 0) & 0xc0) === 0x80

/**
 * Host routes that must stand while `route` is added. Linux looks for an IPv6 gateway on the link in the
 * route's own table, then by the rules for that device (ip6_route_check_nh), which may end at a default route
 * of another table: what was there before the rules came could not be added after them.
 */
export function steppingRoutes(route: Dumped): Dumped[] {
  const table = tableOf(route)
  if (route.header[0] !== AF_INET6 || table === RT_TABLE_MAIN) return []
  const header = new Uint8Array(RTMSG_OCTETS)
  header.set([AF_INET6, IPV6_BITS, 0, 0, route.header[4] ?? 0, RTPROT_STATIC, 0, RTN_UNICAST])
  const global = gatewaysOf(route).filter((gateway) => !isLinkLocal(gateway))
  return global.map(({ octets, ifindex }) => ({
    header,
    attributes: [
      binary(RTA_DST, octets),
      u32(RTA_OIF, ifindex),
      u32(RTA_PRIORITY, STEPPING_METRIC),
      u32(RTA_TABLE, table),
    ],
  }))
}
