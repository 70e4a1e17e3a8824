/** NLMSG_ERROR and NLMSG_DONE: the kernel's answer to each request, with its extended acknowledgement. */
import {
  asText,
  asU32,
  decodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  NetlinkFormatError,
  viewOf,
} from './attribute.js'
import { errnoName } from './errno.js'
import { type Message, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN, type Request } from './message.js'

/** linux/netlink.h: the request's payload was left out of the answer; extended ACK attributes follow. */
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200
const NLMSGERR_ATTR_MSG = 1
const NLMSGERR_ATTR_OFFS = 2

export interface Acknowledgement {
  /** Sequence number of the request that is answered. */
  readonly sequence: number
  /** Positive errno; 0 = done. */
  readonly errno: number
  /** The kernel's own words; also present as a warning when errno is 0. */
  readonly text: string | null
  /** Offset in the request of the attribute at fault. */
  readonly offset: number | null
}

/** null = a message that answers nothing (data, NLMSG_NOOP). */
export function decodeAcknowledgement(message: Message): Acknowledgement | null {
  if (message.type === NLMSG_ERROR) return decodeError(message)
  return message.type === NLMSG_DONE ? decodeDone(message) : null
}

/** struct nlmsgerr: int error, struct nlmsghdr of the request, its payload unless capped, attributes. */
function decodeError(message: Message): Acknowledgement {
  const { payload, flags, sequence } = message
  if (payload.length < 4 + NLMSG_HDRLEN) {
    throw new NetlinkFormatError(`NLMSG_ERROR: ${payload.length} octets, expected at least 20`)
  }
  const view = viewOf(payload)
  const errno = -view.getInt32(0, HOST_LITTLE_ENDIAN)
  const quoted = view.getUint32(4, HOST_LITTLE_ENDIAN)
  const bodyOctets = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HDRLEN : (quoted + 3) & ~3
  return acknowledgement(sequence, errno, flags, payload.subarray(4 + bodyOctets))
}

/** A dump's end carries an int error, then attributes (netlink_dump_done in af_netlink.c). */
function decodeDone(message: Message): Acknowledgement {
  const { payload, flags, sequence } = message
  const errno = payload.length < 4 ? 0 : -viewOf(payload).getInt32(0, HOST_LITTLE_ENDIAN)
  return acknowledgement(sequence, Math.max(errno, 0), flags, payload.subarray(4))
}

function acknowledgement(
  sequence: number,
  errno: number,
  flags: number,
  extended: Uint8Array,
): Acknowledgement {
  const attributes = (flags & NLM_F_ACK_TLVS) === 0 ? [] : decodeAttributes(extended)
  const text = find(attributes, NLMSGERR_ATTR_MSG)
  const offset = find(attributes, NLMSGERR_ATTR_OFFS)
  return {
    sequence,
    errno: errno === 0 ? 0 : errno,
    text: text === null ? null : asText(text),
    offset: offset === null ? null : asU32(offset),
  }
}

/** The kernel refused one request of a batch. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  /** errno name, e.g. EEXIST. */
  readonly code: string
  readonly errno: number
  readonly offset: number | null

  constructor(
    readonly request: Request,
    /** Place of the request in its batch. */
    readonly index: number,
    answer: Acknowledgement,
  ) {
    const where = answer.offset === null ? '' : ` (request octet ${answer.offset})`
    const why = answer.text === null ? '' : `: ${answer.text}${where}`
    super(`${request.subject}: ${errnoName(answer.errno)}${why}`)
    this.code = errnoName(answer.errno)
    this.errno = answer.errno
    this.offset = answer.offset
  }
}
