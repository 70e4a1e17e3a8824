/** Links as the kernel tells them (rtnetlink(7), struct ifinfomsg, linux/if_link.h). */
import { formatMac } from '../mac.js'
import {
  type Attribute,
  asNested,
  asS32,
  asText,
  asU8,
  asU32,
  decodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  NetlinkFormatError,
  viewOf,
} from './attribute.js'
import { AF_INET6 } from './dumped.js'
import type { Message } from './message.js'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19
export const RTM_NEWLINKPROP = 108
export const RTM_DELLINKPROP = 109

export const IFLA_ADDRESS = 1
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_LINK = 5
export const IFLA_MASTER = 10
export const IFLA_TXQLEN = 13
export const IFLA_LINKINFO = 18
export const IFLA_IFALIAS = 20
export const IFLA_AF_SPEC = 26
export const IFLA_GROUP = 27
export const IFLA_NET_NS_FD = 28
export const IFLA_NUM_TX_QUEUES = 31
export const IFLA_NUM_RX_QUEUES = 32
const IFLA_LINK_NETNSID = 37
export const IFLA_GSO_MAX_SEGS = 40
export const IFLA_GSO_MAX_SIZE = 41
/** Since 5.13, older kernels ignore it: read the index back. */
export const IFLA_NEW_IFINDEX = 49
export const IFLA_PROP_LIST = 52
export const IFLA_ALT_IFNAME = 53
export const IFLA_INFO_KIND = 1
export const IFLA_INFO_DATA = 2
export const IFLA_INFO_SLAVE_KIND = 4
export const IFLA_INFO_SLAVE_DATA = 5
/** IFLA_BRPORT_MODE (hairpin), GUARD, PROTECT, FAST_LEAVE, LEARNING, UNICAST_FLOOD, PROXYARP, MCAST_FLOOD, BCAST_FLOOD, ISOLATED. */
const BRIDGE_PORT_FLAGS = [4, 5, 6, 7, 8, 9, 10, 27, 30, 33]
/** linux/veth.h */
export const VETH_INFO_PEER = 1
export const IFLA_INET6_ADDR_GEN_MODE = 8
/** linux/if.h */
export const IFF_UP = 0x1
/** Operationally up (RFC 2863): the carrier is there and the kernel has told everybody. */
export const IFF_RUNNING = 0x40
export const IFF_NOARP = 0x80
export const IFF_PROMISC = 0x100
export const IFF_ALLMULTI = 0x200
/** linux/if_link.h: no link-local address is made by itself. */
export const IN6_ADDR_GEN_MODE_NONE = 1
export const IFINFOMSG_OCTETS = 16

export interface Link {
  readonly ifindex: number
  /** IFF_*. */
  readonly flags: number
  readonly name: string
  readonly mac: string
  readonly mtuOctets: number
  readonly txQueueFrames: number
  /** Of a veth: its peer's ifindex in the peer's namespace; 0 = none told. */
  readonly peerIfindex: number
  /** The lower device or peer is in this very namespace. */
  readonly isPeerHere: boolean
  /** Of a bridge or bond that it is a port of; 0 = none. */
  readonly masterIfindex: number
  readonly group: number
  readonly txQueues: number
  readonly rxQueues: number
  /** `veth`, `bridge`, …; '' for loopback and hardware. */
  readonly kind: string
  /** null where IPv6 is off for the device. */
  readonly addrGenMode: number | null
  readonly alias: string
  readonly altNames: readonly string[]
  readonly gsoMaxOctets: number | null
  readonly gsoMaxSegments: number | null
  /** Of a bridge's port: its flags by IFLA_BRPORT_* number. */
  readonly bridgePort?: BridgePort | undefined
}

export type BridgePort = readonly (readonly [attribute: number, value: number])[]

function bridgePortOf(attributes: readonly Attribute[]): BridgePort | undefined {
  const info = find(attributes, IFLA_LINKINFO)
  const parts = info === null ? [] : asNested(info)
  const kind = find(parts, IFLA_INFO_SLAVE_KIND)
  const data = find(parts, IFLA_INFO_SLAVE_DATA)
  if (kind === null || data === null || asText(kind) !== 'bridge') return undefined
  const flags = asNested(data).filter(({ type }) => BRIDGE_PORT_FLAGS.includes(type))
  return flags.map((flag) => [flag.type, asU8(flag)])
}

function addrGenModeOf(attributes: readonly Attribute[]): number | null {
  const families = find(attributes, IFLA_AF_SPEC)
  const inet6 = families === null ? null : find(asNested(families, ONLY_INET6), AF_INET6)
  const mode =
    inet6 === null ? null : find(asNested(inet6, ONLY_ADDR_GEN_MODE), IFLA_INET6_ADDR_GEN_MODE)
  return mode === null ? null : asU8(mode)
}

function kindOf(attributes: readonly Attribute[]): string {
  const info = find(attributes, IFLA_LINKINFO)
  const kind = info === null ? null : find(asNested(info), IFLA_INFO_KIND)
  return kind === null ? '' : asText(kind)
}

function altNamesOf(attributes: readonly Attribute[]): string[] {
  const properties = find(attributes, IFLA_PROP_LIST)
  const list = properties === null ? [] : asNested(properties)
  return list.filter((a) => a.type === IFLA_ALT_IFNAME).map(asText)
}

/** What `decodeLink` looks at. */
const LINK_ATTRIBUTES: ReadonlySet<number> = new Set([
  ...[IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_TXQLEN, IFLA_LINKINFO],
  ...[IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_GROUP, IFLA_NUM_TX_QUEUES, IFLA_NUM_RX_QUEUES],
  ...[IFLA_LINK_NETNSID, IFLA_GSO_MAX_SEGS, IFLA_GSO_MAX_SIZE, IFLA_PROP_LIST],
])
const ONLY_INET6: ReadonlySet<number> = new Set([AF_INET6])
const ONLY_ADDR_GEN_MODE: ReadonlySet<number> = new Set([IFLA_INET6_ADDR_GEN_MODE])

/** null = not a link. */
export function decodeLink(message: Message): Link | null {
  if (message.type !== RTM_NEWLINK) return null
  if (message.payload.length < IFINFOMSG_OCTETS) {
    throw new NetlinkFormatError(`RTM_NEWLINK: ${message.payload.length} octets, at least 16`)
  }
  const view = viewOf(message.payload)
  const attributes = decodeAttributes(message.payload.subarray(IFINFOMSG_OCTETS), LINK_ATTRIBUTES)
  const number = (type: number): number | null => {
    const attribute = find(attributes, type)
    return attribute === null ? null : asU32(attribute)
  }
  const string = (type: number): string => {
    const attribute = find(attributes, type)
    return attribute === null ? '' : asText(attribute)
  }
  const address = find(attributes, IFLA_ADDRESS)
  const peer = find(attributes, IFLA_LINK)
  const bridgePort = bridgePortOf(attributes)
  return {
    ...(bridgePort === undefined ? {} : { bridgePort }),
    ifindex: view.getInt32(4, HOST_LITTLE_ENDIAN),
    flags: view.getUint32(8, HOST_LITTLE_ENDIAN),
    name: string(IFLA_IFNAME),
    mac: address === null || address.octets.length !== 6 ? '' : formatMac(address.octets),
    mtuOctets: number(IFLA_MTU) ?? 0,
    txQueueFrames: number(IFLA_TXQLEN) ?? 0,
    peerIfindex: peer === null ? 0 : asS32(peer),
    isPeerHere: peer !== null && find(attributes, IFLA_LINK_NETNSID) === null,
    masterIfindex: number(IFLA_MASTER) ?? 0,
    group: number(IFLA_GROUP) ?? 0,
    txQueues: number(IFLA_NUM_TX_QUEUES) ?? 1,
    rxQueues: number(IFLA_NUM_RX_QUEUES) ?? 1,
    kind: kindOf(attributes),
    addrGenMode: addrGenModeOf(attributes),
    alias: string(IFLA_IFALIAS),
    altNames: altNamesOf(attributes),
    gsoMaxOctets: number(IFLA_GSO_MAX_SIZE),
    gsoMaxSegments: number(IFLA_GSO_MAX_SEGS),
  }
}
