/** Requests about links: made as veth pairs, moved and renamed in one message. */
import { parseMac } from '../mac.js'
import {
  type Attribute,
  binary,
  encodeAttributes,
  HOST_LITTLE_ENDIAN,
  nested,
  s32,
  text,
  u8,
  u32,
  viewOf,
} from './attribute.js'
import { AF_INET6 } from './dumped.js'
import {
  type BridgePort,
  IFF_ALLMULTI,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_UP,
  IFINFOMSG_OCTETS,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_ALT_IFNAME,
  IFLA_GROUP,
  IFLA_GSO_MAX_SEGS,
  IFLA_GSO_MAX_SIZE,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_PROP_LIST,
  IFLA_TXQLEN,
  RTM_DELLINK,
  RTM_DELLINKPROP,
  RTM_GETLINK,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
  RTM_SETLINK,
  VETH_INFO_PEER,
} from './link.js'
import { joined, NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, type Request } from './message.js'

/** struct ifinfomsg: family, type, index, flags, mask of the flags that change. */
function ifinfomsg(ifindex: number, flags = 0, change = 0): Uint8Array {
  const header = new Uint8Array(IFINFOMSG_OCTETS)
  const view = viewOf(header)
  view.setInt32(4, ifindex, HOST_LITTLE_ENDIAN)
  view.setUint32(8, flags, HOST_LITTLE_ENDIAN)
  view.setUint32(12, change, HOST_LITTLE_ENDIAN)
  return header
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
  /** undefined = the kernel's number. */
  readonly queues?: { readonly tx: number; readonly rx: number }
}

function endAttributes(end: VethEnd): Attribute[] {
  return [
    text(IFLA_IFNAME, end.name),
    u32(IFLA_MTU, end.mtuOctets),
    u32(IFLA_TXQLEN, end.txQueueFrames),
    ...(end.mac === null ? [] : [binary(IFLA_ADDRESS, parseMac(end.mac))]),
    ...(end.queues === undefined
      ? []
      : [u32(IFLA_NUM_TX_QUEUES, end.queues.tx), u32(IFLA_NUM_RX_QUEUES, end.queues.rx)]),
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
  /** '' takes it off. */
  readonly alias?: string
  readonly mac?: string
  readonly mtuOctets?: number
  readonly txQueueFrames?: number
  readonly group?: number
  readonly addrGenMode?: number
  readonly gsoMaxOctets?: number
  readonly gsoMaxSegments?: number
  /** The bridge to be a port of; 0 = of none. */
  readonly masterIfindex?: number
}

const NUMBERS = [
  ['netnsFd', IFLA_NET_NS_FD],
  ['mtuOctets', IFLA_MTU],
  ['txQueueFrames', IFLA_TXQLEN],
  ['group', IFLA_GROUP],
  ['gsoMaxOctets', IFLA_GSO_MAX_SIZE],
  ['gsoMaxSegments', IFLA_GSO_MAX_SEGS],
  ['masterIfindex', IFLA_MASTER],
] as const satisfies readonly (readonly [keyof LinkChange, number])[]

function changeAttributes(change: LinkChange): Attribute[] {
  const { name, newIfindex, alias, mac, addrGenMode } = change
  const attributes: Attribute[] = []
  if (name !== undefined) attributes.push(text(IFLA_IFNAME, name))
  if (newIfindex !== undefined) attributes.push(s32(IFLA_NEW_IFINDEX, newIfindex))
  if (mac !== undefined) attributes.push(binary(IFLA_ADDRESS, parseMac(mac)))
  // dev_set_alias() takes the length as it is: no NUL, and no octets take the alias off.
  if (alias !== undefined) {
    attributes.push(binary(IFLA_IFALIAS, new TextEncoder().encode(alias)))
  }
  for (const [key, type] of NUMBERS) {
    const value = change[key]
    if (value !== undefined) attributes.push(u32(type, value))
  }
  if (addrGenMode !== undefined) {
    const mode = u8(IFLA_INET6_ADDR_GEN_MODE, addrGenMode)
    attributes.push(nested(IFLA_AF_SPEC, [nested(AF_INET6, [mode])]))
  }
  return attributes
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

/** Promiscuous, all-multicast and no-ARP as a user set them. */
export function setLinkFlags(ifindex: number, flags: number): Request {
  return {
    type: RTM_SETLINK,
    flags: NLM_F_ACK,
    payload: ifinfomsg(ifindex, flags, IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP),
    subject: `RTM_SETLINK flags of ifindex ${ifindex}`,
  }
}

/** `ip link set dev DEV type bridge_slave …` of one that is a port already. */
export function setBridgePort(ifindex: number, port: BridgePort): Request {
  const info = nested(IFLA_LINKINFO, [
    text(IFLA_INFO_SLAVE_KIND, 'bridge'),
    nested(
      IFLA_INFO_SLAVE_DATA,
      port.map(([attribute, value]) => u8(attribute, value)),
    ),
  ])
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_ACK,
    payload: joined(ifinfomsg(ifindex), encodeAttributes([info])),
    subject: `RTM_NEWLINK bridge port ifindex ${ifindex}`,
  }
}

function altNames(
  type: number,
  flags: number,
  verb: string,
  ifindex: number,
  names: readonly string[],
): Request {
  const list = nested(
    IFLA_PROP_LIST,
    names.map((name) => text(IFLA_ALT_IFNAME, name)),
  )
  return {
    type,
    flags: NLM_F_ACK | flags,
    payload: joined(ifinfomsg(ifindex), encodeAttributes([list])),
    subject: `${verb} of ifindex ${ifindex}`,
  }
}

export function addAltNames(ifindex: number, names: readonly string[]): Request {
  return altNames(RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL, 'RTM_NEWLINKPROP', ifindex, names)
}

export function deleteAltNames(ifindex: number, names: readonly string[]): Request {
  return altNames(RTM_DELLINKPROP, 0, 'RTM_DELLINKPROP', ifindex, names)
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
