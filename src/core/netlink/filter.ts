/**
 * Filters of a qdisc (rtnetlink(7), linux/rtnetlink.h struct tcmsg, linux/pkt_cls.h). All of ours sit
 * on the `ingress` qdisc, or on `clsact` where the device is not ours, and carry an explicit priority and handle: a NEW request for the same
 * handle replaces the filter gapless, where delete and add would let frames through between.
 */
import {
  type Attribute,
  asText,
  asU32,
  decodeAttributes,
  encodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  NetlinkFormatError,
  nestedWithoutFlag,
  text,
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

export const RTM_NEWTFILTER = 44
export const RTM_DELTFILTER = 45
export const RTM_GETTFILTER = 46
export const TCA_KIND = 1
export const TCA_OPTIONS = 2
const TCA_CHAIN = 11
/** linux/if_ether.h: whatever the frame carries, so that no family or tag passes unseen. */
export const ETH_P_ALL = 0x0003
/** #define TC_H_MAJ of the ingress qdisc, `parent ffff:`. */
export const INGRESS_PARENT = 0xffff_0000
/** linux/pkt_sched.h: TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS) and its like, the two hooks of clsact. */
export const CLSACT_INGRESS_PARENT = 0xffff_fff2
export const CLSACT_EGRESS_PARENT = 0xffff_fff3
const TCMSG_OCTETS = 20

/** struct tcmsg. */
export interface TcMessage {
  readonly ifindex: number
  readonly handle: number
  readonly parent: number
  readonly priority: number
  /** Ethertype, host order. */
  readonly protocol: number
}

/** What names a filter on a device. */
export interface FilterKey {
  readonly ifindex: number
  /** Absent: the `ingress` qdisc's. */
  readonly parent?: number
  readonly priority: number
  readonly handle: number
}

export interface Filter extends FilterKey {
  readonly kind: string
  readonly options: readonly Attribute[]
}

/** A filter as found, which somebody else may have put there. */
export interface FoundFilter extends Filter {
  /** 0 is where every walk begins. */
  readonly chain: number
}

export function encodeTcMessage(tc: TcMessage): Uint8Array {
  const octets = new Uint8Array(TCMSG_OCTETS)
  const view = viewOf(octets)
  view.setInt32(4, tc.ifindex, HOST_LITTLE_ENDIAN)
  view.setUint32(8, tc.handle, HOST_LITTLE_ENDIAN)
  view.setUint32(12, tc.parent, HOST_LITTLE_ENDIAN)
  // tcm_info: priority in the high half; the ethertype in network order in the low half.
  view.setUint16(HOST_LITTLE_ENDIAN ? 18 : 16, tc.priority, HOST_LITTLE_ENDIAN)
  view.setUint16(HOST_LITTLE_ENDIAN ? 16 : 18, tc.protocol, false)
  return octets
}

export function decodeTcMessage(payload: Uint8Array): TcMessage {
  if (payload.length < TCMSG_OCTETS) {
    throw new NetlinkFormatError(`tcmsg: ${payload.length} octets, expected ${TCMSG_OCTETS}`)
  }
  const view = viewOf(payload)
  return {
    ifindex: view.getInt32(4, HOST_LITTLE_ENDIAN),
    handle: view.getUint32(8, HOST_LITTLE_ENDIAN),
    parent: view.getUint32(12, HOST_LITTLE_ENDIAN),
    priority: view.getUint16(HOST_LITTLE_ENDIAN ? 18 : 16, HOST_LITTLE_ENDIAN),
    protocol: view.getUint16(HOST_LITTLE_ENDIAN ? 16 : 18, false),
  }
}

export function decodeTcAttributes(payload: Uint8Array): Attribute[] {
  return decodeAttributes(payload.subarray(TCMSG_OCTETS))
}

function subject(verb: string, key: FilterKey): string {
  return `${verb} ifindex ${key.ifindex} pref ${key.priority} handle 0x${key.handle.toString(16)}`
}

function request(type: number, flags: number, verb: string, filter: Filter): Request {
  const { parent = INGRESS_PARENT } = filter
  const tc = encodeTcMessage({ ...filter, parent, protocol: ETH_P_ALL })
  // The kernel reads TCA_OPTIONS with nla_parse_nested_deprecated; tc(8) sends it without the flag.
  const options =
    filter.options.length === 0 ? [] : [nestedWithoutFlag(TCA_OPTIONS, filter.options)]
  const attributes = encodeAttributes([text(TCA_KIND, filter.kind), ...options])
  return { type, flags, payload: joined(tc, attributes), subject: subject(verb, filter) }
}

/** `tc filter replace`: creates the filter, or replaces it in one step. */
export function replaceFilter(filter: Filter): Request {
  return request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_ACK, 'RTM_NEWTFILTER', filter)
}

/** `tc filter add`: EEXIST where there is one of that handle. */
export function addFilter(filter: Filter): Request {
  return request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 'RTM_NEWTFILTER', filter)
}

export function deleteFilter(key: FilterKey, kind: string): Request {
  return request(RTM_DELTFILTER, NLM_F_ACK, 'RTM_DELTFILTER', { ...key, kind, options: [] })
}

/** Whatever its ethertype; handle 0 takes the whole classifier of that priority. */
export function deleteFound(found: FoundFilter): Request {
  const { ifindex, handle, priority, kind, chain } = found
  const tc = { ifindex, handle, parent: INGRESS_PARENT, priority, protocol: 0 }
  const attributes = [text(TCA_KIND, kind), u32(TCA_CHAIN, chain)]
  return {
    type: RTM_DELTFILTER,
    flags: NLM_F_ACK,
    payload: joined(encodeTcMessage(tc), encodeAttributes(attributes)),
    subject: subject('RTM_DELTFILTER', found),
  }
}

/** One filter; answered by an RTM_NEWTFILTER, or ENOENT. */
export function getFilter(key: FilterKey, kind: string): Request {
  return request(RTM_GETTFILTER, NLM_F_ACK, 'RTM_GETTFILTER', { ...key, kind, options: [] })
}

/** All filters on the ingress of one device, or at another of its hooks. */
export function dumpFilters(ifindex: number, parent = INGRESS_PARENT): Request {
  return {
    type: RTM_GETTFILTER,
    flags: NLM_F_DUMP,
    payload: encodeTcMessage({
      ifindex,
      handle: 0,
      parent,
      priority: 0,
      protocol: 0,
    }),
    subject: `RTM_GETTFILTER ifindex ${ifindex}`,
  }
}

/** null = not a filter. A classifier's instance without filters of its own has handle 0. */
export function decodeFilter(message: Message): Filter | null {
  if (message.type !== RTM_NEWTFILTER) return null
  const { ifindex, handle, priority } = decodeTcMessage(message.payload)
  const attributes = decodeTcAttributes(message.payload)
  const kind = find(attributes, TCA_KIND)
  const options = find(attributes, TCA_OPTIONS)
  return {
    ifindex,
    handle,
    priority,
    kind: kind === null ? '' : asText(kind),
    options: options === null ? [] : decodeAttributes(options.octets),
  }
}

/** As decodeFilter, with the chain that it hangs on. */
export function decodeFound(message: Message): FoundFilter | null {
  const filter = decodeFilter(message)
  if (filter === null) return null
  const chain = find(decodeTcAttributes(message.payload), TCA_CHAIN)
  return { ...filter, chain: chain === null ? 0 : asU32(chain) }
}
