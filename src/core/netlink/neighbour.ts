/** Neighbours that somebody set for good (RTM_*NEIGH, linux/neighbour.h); learned ones are learned again. */
import { HOST_LITTLE_ENDIAN, viewOf } from './attribute.js'
import { type Dumped, dumpOf, requestOf, splitMessage, without } from './dumped.js'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE, type Request } from './message.js'

export const RTM_NEWNEIGH = 28
export const RTM_GETNEIGH = 30
const NDMSG_OCTETS = 12
const NUD_PERMANENT = 0x80
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

/** Permanent or proxy, of that device; else null. */
export function lastingNeighbourOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWNEIGH) return null
  const neighbour = splitMessage(message, NDMSG_OCTETS)
  const view = viewOf(neighbour.header)
  if (view.getInt32(4, HOST_LITTLE_ENDIAN) !== ifindex) return null
  const isPermanent = (view.getUint16(8, HOST_LITTLE_ENDIAN) & NUD_PERMANENT) !== 0
  const isProxy = (view.getUint8(NTF_OFFSET) & NTF_PROXY) !== 0
  return isPermanent || isProxy ? neighbour : null
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
