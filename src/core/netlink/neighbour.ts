/** Neighbours that somebody set for good, and what a device has learned (RTM_*NEIGH, linux/neighbour.h). */
import { HOST_LITTLE_ENDIAN, viewOf } from './attribute.js'
import { type Dumped, dumpOf, requestOf, splitMessage, without } from './dumped.js'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE, type Request } from './message.js'

export const RTM_NEWNEIGH = 28
export const RTM_GETNEIGH = 30
const NDMSG_OCTETS = 12
const NUD_PERMANENT = 0x80
/** Used at once, and asked after when used: RFC 4861 §7.3.2. */
const NUD_STALE = 0x04
/** REACHABLE, STALE, DELAY, PROBE: the address of its link is known. */
const NUD_LEARNED = 0x02 | NUD_STALE | 0x08 | 0x10
const STATE_OFFSET = 8
/** Answers for an address on behalf of another host: kept in a table of its own, dumped by its own request. */
const NTF_PROXY = 0x08
const NTF_OFFSET = 10
const NDA_CACHEINFO = 3
const NDA_PROBES = 4

export function dumpNeighbours(): Request {
  return dumpOf(RTM_GETNEIGH, new Uint8Array(NDMSG_OCTETS), 'RTM_GETNEIGH')
}

export function dumpProxyNeighbours(): Request {
  const header = new Uint8Array(NDMSG_OCTETS)
  header[NTF_OFFSET] = NTF_PROXY
  return dumpOf(RTM_GETNEIGH, header, 'RTM_GETNEIGH proxy')
}

function neighbourOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWNEIGH) return null
  const neighbour = splitMessage(message, NDMSG_OCTETS)
  const isOfDevice = viewOf(neighbour.header).getInt32(4, HOST_LITTLE_ENDIAN) === ifindex
  return isOfDevice ? neighbour : null
}

const stateOf = ({ header }: Dumped): number =>
  viewOf(header).getUint16(STATE_OFFSET, HOST_LITTLE_ENDIAN)
const isProxy = ({ header }: Dumped): boolean => ((header[NTF_OFFSET] ?? 0) & NTF_PROXY) !== 0

/** Permanent or proxy, of that device; else null. */
export function lastingNeighbourOf(message: Message, ifindex: number): Dumped | null {
  const neighbour = neighbourOf(message, ifindex)
  if (neighbour === null) return null
  const isPermanent = (stateOf(neighbour) & NUD_PERMANENT) !== 0
  return isPermanent || isProxy(neighbour) ? neighbour : null
}

/** Learned by that device, as one that is yet to be confirmed; else null. */
export function learnedNeighbourOf(message: Message, ifindex: number): Dumped | null {
  const neighbour = neighbourOf(message, ifindex)
  if (neighbour === null || isProxy(neighbour) || (stateOf(neighbour) & NUD_LEARNED) === 0)
    return null
  const header = neighbour.header.slice()
  viewOf(header).setUint16(STATE_OFFSET, NUD_STALE, HOST_LITTLE_ENDIAN)
  return { ...neighbour, header }
}

/** The same neighbour, of that device. */
export function neighbourOn(neighbour: Dumped, ifindex: number): Dumped {
  const header = neighbour.header.slice()
  viewOf(header).setInt32(4, ifindex, HOST_LITTLE_ENDIAN)
  return { ...neighbour, header }
}

export function addNeighbour(neighbour: Dumped): Request {
  const attributes = without(neighbour.attributes, [NDA_CACHEINFO, NDA_PROBES])
  const replace = { header: neighbour.header, attributes }
  return requestOf(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, replace, 'RTM_NEWNEIGH')
}
