/** Netlink messages (struct nlmsghdr, linux/netlink.h): a batch of requests out, a run of messages back. */
import { aligned, HOST_LITTLE_ENDIAN, NetlinkFormatError, viewOf } from './attribute.js'

export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const NLM_F_REQUEST = 0x001
export const NLM_F_MULTI = 0x002
export const NLM_F_ACK = 0x004
export const NLM_F_ECHO = 0x008
/** The table changed during the dump: read it again. */
export const NLM_F_DUMP_INTR = 0x010
/** Modifiers of NEW requests. */
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_APPEND = 0x800
/** NLM_F_ROOT | NLM_F_MATCH, modifiers of GET requests. */
export const NLM_F_DUMP = 0x300

export const NLMSG_HDRLEN = 16

export interface Request {
  readonly type: number
  /** NLM_F_REQUEST is added by encodeBatch. */
  readonly flags: number
  /** Family header and attributes. */
  readonly payload: Uint8Array
  /** What the request is about, for the error that names it, e.g. `RTM_NEWLINK vin-1a2b3c4d`. */
  readonly subject: string
}

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  readonly portId: number
  readonly payload: Uint8Array
}

export function isDump(request: Request): boolean {
  return (request.flags & NLM_F_DUMP) === NLM_F_DUMP && (request.flags & NLM_F_ACK) === 0
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Requests for one sendmsg; the i-th carries sequence number `firstSequence + i`. */
export function encodeBatch(requests: readonly Request[], firstSequence: number): Uint8Array {
  const total = requests.reduce((sum, r) => sum + NLMSG_HDRLEN + aligned(r.payload.length), 0)
  const batch = new Uint8Array(total)
  const view = viewOf(batch)
  let at = 0
  requests.forEach((request, index) => {
    view.setUint32(at, NLMSG_HDRLEN + request.payload.length, HOST_LITTLE_ENDIAN)
    view.setUint16(at + 4, request.type, HOST_LITTLE_ENDIAN)
    view.setUint16(at + 6, request.flags | NLM_F_REQUEST, HOST_LITTLE_ENDIAN)
    view.setUint32(at + 8, firstSequence + index, HOST_LITTLE_ENDIAN)
    batch.set(request.payload, at + NLMSG_HDRLEN)
    at += NLMSG_HDRLEN + aligned(request.payload.length)
  })
  return batch
}

export function decodeMessages(octets: Uint8Array): Message[] {
  const view = viewOf(octets)
  const messages: Message[] = []
  let at = 0
  while (octets.length - at >= NLMSG_HDRLEN) {
    const length = view.getUint32(at, HOST_LITTLE_ENDIAN)
    if (length < NLMSG_HDRLEN || length > octets.length - at) {
      throw new NetlinkFormatError(
        `netlink message at octet ${at}: length ${length}, ${octets.length - at} left`,
      )
    }
    messages.push({
      type: view.getUint16(at + 4, HOST_LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, HOST_LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, HOST_LITTLE_ENDIAN),
      portId: view.getUint32(at + 12, HOST_LITTLE_ENDIAN),
      payload: octets.subarray(at + NLMSG_HDRLEN, at + length),
    })
    at += aligned(length)
  }
  return messages
}
