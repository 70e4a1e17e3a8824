/** A field block: HEADERS or PUSH_PROMISE, and the CONTINUATIONs that follow (RFC 9113 §4.3, §6.10). */
import { Reader } from '../../../core/bytes.js'
import type { Next } from '../../../core/inspect/contract.js'
import {
  CONTINUATION,
  END_HEADERS,
  FRAME_HEADER_OCTETS,
  type Frame,
  malformedHeader,
  PADDED,
  PUSH_PROMISE,
  readFrameHeader,
  STREAM_MASK,
  WITH_PRIORITY,
} from './frame.js'

/** A block of the window's size takes two; a flood of small ones only costs time (CVE-2024-27316 and others). */
const CONTINUATIONS = 32
const PRIORITY_OCTETS = 5

export interface Block {
  readonly kind: 'block'
  /** The fragments, joined: `octets` is the step's input where there is one only. */
  readonly octets: Uint8Array
  readonly from: number
  readonly to: number
  /** One past the last frame, in the step's input. */
  readonly end: number
  /** Of PUSH_PROMISE. */
  readonly promised: number
}
export type BlockScan = Block | { readonly kind: 'next'; readonly next: Next }

const bad = (clause: string): BlockScan => ({ kind: 'next', next: { kind: 'malformed', clause } })

/** `at` is the first octet of the first frame's payload. */
export function scanBlock(input: Uint8Array, at: number, frame: Frame, limit: number): BlockScan {
  const first = at - FRAME_HEADER_OCTETS
  const payloadEnd = at + frame.octets
  if (payloadEnd > input.length) return wanted(first, payloadEnd)
  const reader = new Reader(input, at, payloadEnd)
  const padding = frame.flags & PADDED ? reader.u8() : 0
  const isPush = frame.type === PUSH_PROMISE
  const promised = isPush ? reader.u32be() & STREAM_MASK : 0
  if (!isPush && frame.flags & WITH_PRIORITY) reader.skip(PRIORITY_OCTETS)
  if (reader.short || padding > reader.left) return bad('RFC 9113 §6.2 padding')
  const from = reader.at
  const to = payloadEnd - padding
  if (frame.flags & END_HEADERS) {
    return { kind: 'block', octets: input, from, to, end: payloadEnd, promised }
  }
  return continued(input, first, frame, limit, { from, to, end: payloadEnd, promised })
}

/** Nothing of a block is taken before all of it is there. */
function wanted(first: number, end: number): BlockScan {
  return { kind: 'next', next: { kind: 'need', octets: end - first } }
}

interface FirstFragment {
  readonly from: number
  readonly to: number
  readonly end: number
  readonly promised: number
}

function continued(
  input: Uint8Array,
  first: number,
  { stream }: Frame,
  limit: number,
  { from, to, end, promised }: FirstFragment,
): BlockScan {
  const fragments = [input.subarray(from, to)]
  let at = end
  for (let count = 0; count < CONTINUATIONS; count++) {
    const payload = at + FRAME_HEADER_OCTETS
    if (payload > input.length) return wanted(first, payload)
    const frame = readFrameHeader(new Reader(input, at))
    if (frame.type !== CONTINUATION || frame.stream !== stream) {
      return bad('RFC 9113 §6.10 block without its end')
    }
    const clause = malformedHeader(frame, limit)
    if (clause !== null) return bad(clause)
    at = payload + frame.octets
    if (at > input.length) return wanted(first, at)
    fragments.push(input.subarray(payload, at))
    if ((frame.flags & END_HEADERS) === 0) continue
    const octets = join(fragments)
    return { kind: 'block', octets, from: 0, to: octets.length, end: at, promised }
  }
  return bad(`RFC 9113 §6.10 more than ${CONTINUATIONS} CONTINUATION frames`)
}

function join(fragments: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(fragments.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const fragment of fragments) {
    whole.set(fragment, at)
    at += fragment.length
  }
  return whole
}
