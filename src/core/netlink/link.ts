/** Links (rtnetlink(7), linux/if_link.h): read as they are, made as veth pairs, moved and renamed in one message. */
import { formatMac, parseMac } from '../mac.js'
import {
  type Attribute,
  asNested,
  asS32,
  asText,
  asU8,
  asU32,
  binary,
  decodeAttributes,
  encodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  NetlinkFormatError,
  nested,
  s32,
  text,
  u8,
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
  type Request,
} from './message.js'

export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19
export const RTM_NEWLINKPROP = 108

export const IFLA_ADDRESS = 1
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_LINK = 5
export const IFLA_TXQLEN = 13
export const IFLA_LINKINFO = 18
export const IFLA_IFALIAS = 20
export const IFLA_AF_SPEC = 26
export const IFLA_NET_NS_FD = 28
export const IFLA_GSO_MAX_SEGS = 40
export const IFLA_GSO_MAX_SIZE = 41
/** Since 5.13, older kernels ignore it: read the index back. */
export const IFLA_NEW_IFINDEX = 49
export const IFLA_PROP_LIST = 52
export const IFLA_ALT_IFNAME = 53
const IFLA_INFO_KIND = 1
const IFLA_INFO_DATA = 2
/** linux/veth.h */
const VETH_INFO_PEER = 1
const IFLA_INET6_ADDR_GEN_MODE = 8
const AF_INET6 = 10
/** linux/if.h */
export const IFF_UP = 0x1
export const IFF_PROMISC = 0x100
export const IFF_ALLMULTI = 0x200
/** linux/if_link.h: no link-local address is made by itself. */
export const IN6_ADDR_GEN_MODE_NONE = 1
const IFINFOMSG_OCTETS = 16

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
  /** `veth`, `bridge`, …; '' for loopback and hardware. */
  readonly kind: string
  /** null where IPv6 is off for the device. */
  readonly addrGenMode: number | null
  readonly alias: string
  readonly altNames: readonly string[]
  readonly gsoMaxOctets: number | null
  readonly gsoMaxSegments: number | null
}

/** struct ifinfomsg: family, type, index, flags, mask of the flags that change. */
function ifinfomsg(ifindex: number, flags = 0, change = 0): Uint8Array {
  const header = new Uint8Array(IFINFOMSG_OCTETS)
  const view = viewOf(header)
  view.setInt32(4, ifindex, HOST_LITTLE_ENDIAN)
  view.setUint32(8, flags, HOST_LITTLE_ENDIAN)
  view.setUint32(12, change, HOST_LITTLE_ENDIAN)
  return header
}

function addrGenModeOf(attributes: readonly Attribute[]): number | null {
  const families = find(attributes, IFLA_AF_SPEC)
  const inet6 = families === null ? null : find(asNested(families), AF_INET6)
  const mode = inet6 === null ? null : find(asNested(inet6), IFLA_INET6_ADDR_GEN_MODE)
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

/** null = not a link. */
export function decodeLink(message: Message): Link | null {
  if (message.type !== RTM_NEWLINK) return null
  if (message.payload.length < IFINFOMSG_OCTETS) {
    throw new NetlinkFormatError(`RTM_NEWLINK: ${message.payload.length} octets, at least 16`)
  }
  const view = viewOf(message.payload)
  const attributes = decodeAttributes(message.payload.subarray(IFINFOMSG_OCTETS))
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
  return {
    ifindex: view.getInt32(4, HOST_LITTLE_ENDIAN),
    flags: view.getUint32(8, HOST_LITTLE_ENDIAN),
    name: string(IFLA_IFNAME),
    mac: address === null || address.octets.length !== 6 ? '' : formatMac(address.octets),
    mtuOctets: number(IFLA_MTU) ?? 0,
    txQueueFrames: number(IFLA_TXQLEN) ?? 0,
    peerIfindex: peer === null ? 0 : asS32(peer),
    kind: kindOf(attributes),
    addrGenMode: addrGenModeOf(attributes),
    alias: string(IFLA_IFALIAS),
    altNames: altNamesOf(attributes),
    gsoMaxOctets: number(IFLA_GSO_MAX_SIZE),
    gsoMaxSegments: number(IFLA_GSO_MAX_SEGS),
  }
}

/** `ip link show dev NAME`. */
export function getLinkByName(name: string): Request {
  return {
    type: RTM_GETLINK,
    flags: NLM_F_ACK,
    payload: joined(ifinfomsg(0), encodeAttributes([text(IFLA_IFNAME, name)])),
    subject: `RTM_GETLINK ${name}`,
  }
}

export function getLinkByIndex(ifindex: number): Request {
  return {
    type: RTM_GETLINK,
    flags: NLM_F_ACK,
    payload: ifinfomsg(ifindex),
    subject: `RTM_GETLINK ifindex ${ifindex}`,
  }
}

export function dumpLinks(): Request {
  return { type: RTM_GETLINK, flags: NLM_F_DUMP, payload: ifinfomsg(0), subject: 'RTM_GETLINK' }
}

export interface VethEnd {
  readonly name: string
  /** 0 = the kernel chooses. */
  readonly ifindex: number
  readonly mtuOctets: number
  readonly txQueueFrames: number
  /** null = the kernel's random one. */
  readonly mac: string | null
  readonly alias?: string
}

function endAttributes(end: VethEnd): Attribute[] {
  return [
    text(IFLA_IFNAME, end.name),
    u32(IFLA_MTU, end.mtuOctets),
    u32(IFLA_TXQLEN, end.txQueueFrames),
    ...(end.mac === null ? [] : [binary(IFLA_ADDRESS, parseMac(end.mac))]),
  ]
}

/** `ip link add NEAR type veth peer FAR netns …`: the far end is born in its namespace (null = here). */
export function newVethPair(near: VethEnd, far: VethEnd, farNetnsFd: number | null): Request {
  const peer = joined(
    ifinfomsg(far.ifindex),
    encodeAttributes([
      ...endAttributes(far),
      ...(farNetnsFd === null ? [] : [u32(IFLA_NET_NS_FD, farNetnsFd)]),
    ]),
  )
  const info = nested(IFLA_LINKINFO, [
    text(IFLA_INFO_KIND, 'veth'),
    nested(IFLA_INFO_DATA, [binary(VETH_INFO_PEER, peer)]),
  ])
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    payload: joined(ifinfomsg(near.ifindex), encodeAttributes([...endAttributes(near), info])),
    subject: `RTM_NEWLINK veth ${near.name} ${far.name}`,
  }
}

export interface LinkChange {
  readonly up?: boolean
  readonly name?: string
  readonly newIfindex?: number
  readonly netnsFd?: number
  readonly alias?: string
  readonly mtuOctets?: number
  readonly addrGenMode?: number
  readonly gsoMaxOctets?: number
  readonly gsoMaxSegments?: number
}

function changeAttributes(change: LinkChange): Attribute[] {
  const { name, newIfindex, netnsFd, alias, mtuOctets, addrGenMode } = change
  const mode = addrGenMode === undefined ? [] : [u8(IFLA_INET6_ADDR_GEN_MODE, addrGenMode)]
  return [
    ...(name === undefined ? [] : [text(IFLA_IFNAME, name)]),
    ...(newIfindex === undefined ? [] : [s32(IFLA_NEW_IFINDEX, newIfindex)]),
    ...(netnsFd === undefined ? [] : [u32(IFLA_NET_NS_FD, netnsFd)]),
    ...(alias === undefined ? [] : [text(IFLA_IFALIAS, alias)]),
    ...(mtuOctets === undefined ? [] : [u32(IFLA_MTU, mtuOctets)]),
    ...(change.gsoMaxOctets === undefined ? [] : [u32(IFLA_GSO_MAX_SIZE, change.gsoMaxOctets)]),
    ...(change.gsoMaxSegments === undefined ? [] : [u32(IFLA_GSO_MAX_SEGS, change.gsoMaxSegments)]),
    ...(mode.length === 0 ? [] : [nested(IFLA_AF_SPEC, [nested(AF_INET6, mode)])]),
  ]
}

/** Name, index and namespace change together: the only way to an index of our choice. */
export function setLink(
  ifindex: number,
  change: LinkChange,
  subject = `ifindex ${ifindex}`,
): Request {
  const mask = change.up === undefined ? 0 : IFF_UP
  const header = ifinfomsg(ifindex, change.up === true ? IFF_UP : 0, mask)
  return {
    type: RTM_SETLINK,
    flags: NLM_F_ACK,
    payload: joined(header, encodeAttributes(changeAttributes(change))),
    subject: `RTM_SETLINK ${subject}`,
  }
}

/** Promiscuous and all-multicast as a user set them. */
export function setLinkFlags(ifindex: number, flags: number): Request {
  return {
    type: RTM_SETLINK,
    flags: NLM_F_ACK,
    payload: ifinfomsg(ifindex, flags, IFF_PROMISC | IFF_ALLMULTI),
    subject: `RTM_SETLINK flags of ifindex ${ifindex}`,
  }
}

export function addAltNames(ifindex: number, names: readonly string[]): Request {
  const list = nested(
    IFLA_PROP_LIST,
    names.map((name) => text(IFLA_ALT_IFNAME, name)),
  )
  return {
    type: RTM_NEWLINKPROP,
    flags: NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    payload: joined(ifinfomsg(ifindex), encodeAttributes([list])),
    subject: `RTM_NEWLINKPROP of ifindex ${ifindex}`,
  }
}

/** Deleting one end of a veth pair deletes the other. */
export function deleteLink(ifindex: number, subject = `ifindex ${ifindex}`): Request {
  return {
    type: RTM_DELLINK,
    flags: NLM_F_ACK,
    payload: ifinfomsg(ifindex),
    subject: `RTM_DELLINK ${subject}`,
  }
}
