/** The record layer (RFC 8446 §5.1) and the handshake message that runs over one or more records (§4). */
import { Reader } from '../../../core/bytes.js'

export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
} as const

export const RECORD_HEADER_OCTETS = 5
/** Plaintext 2^14; ciphertext may exceed it by 2048 in TLS 1.2 (RFC 5246 §6.2.3). */
const PLAINTEXT_OCTETS = 16_384
const CIPHERTEXT_OCTETS = PLAINTEXT_OCTETS + 2_048
export const MESSAGE_HEADER_OCTETS = 4
/** A hello, or a leaf certificate, is far below it. */
export const MESSAGE_OCTETS = 16_384

export type RecordHeader =
  | { readonly kind: 'need'; readonly octets: number }
  | { readonly kind: 'malformed'; readonly clause: string }
  | { readonly kind: 'record'; readonly type: number; readonly octets: number }

/** `octets` of a record is its fragment's length. */
export function readRecordHeader(input: Uint8Array, at: number): RecordHeader {
  const reader = new Reader(input, at)
  const type = reader.u8()
  const major = reader.u8()
  reader.skip(1)
  const octets = reader.u16be()
  if (reader.short) return { kind: 'need', octets: at + RECORD_HEADER_OCTETS }
  if (type < ContentType.changeCipherSpec || type > ContentType.applicationData || major !== 3) {
    return { kind: 'malformed', clause: 'RFC 8446 §5.1 record header' }
  }
  const limit = type === ContentType.applicationData ? CIPHERTEXT_OCTETS : PLAINTEXT_OCTETS
  // Empty fragments are for application data only.
  if (octets > limit || (octets === 0 && type !== ContentType.applicationData)) {
    return { kind: 'malformed', clause: 'RFC 8446 §5.1 record length' }
  }
  return { kind: 'record', type, octets }
}

export type Handshake =
  | { readonly kind: 'need'; readonly octets: number }
  | { readonly kind: 'malformed'; readonly clause: string }
  | {
      readonly kind: 'message'
      readonly type: number
      readonly body: Uint8Array
      /** One past it in the input. */
      readonly end: number
      /** Octets of its last record that follow it. */
      readonly recordLeft: number
    }

/**
 * The message, or its first `most` octets with the header, over one or more records with nothing between them.
 * The input begins with the last `recordLeft` octets of a record; 0 = with a record header.
 */
export function readHandshake(
  input: Uint8Array,
  recordLeft = 0,
  most = Number.POSITIVE_INFINITY,
): Handshake {
  const fragments: Uint8Array[] = []
  let held = 0
  let at = 0
  let octets = recordLeft
  for (;;) {
    if (octets === 0) {
      const header = readRecordHeader(input, at)
      if (header.kind !== 'record') return header
      if (header.type !== ContentType.handshake) {
        return { kind: 'malformed', clause: 'RFC 8446 §5.1 interleaved record' }
      }
      at += RECORD_HEADER_OCTETS
      octets = header.octets
    }
    fragments.push(input.subarray(at, at + octets))
    const present = Math.min(octets, Math.max(0, input.length - at))
    const wanted = Math.min(messageOctets(fragments), most)
    if (wanted > MESSAGE_OCTETS) return { kind: 'malformed', clause: 'RFC 8446 §4 message length' }
    const rest = wanted - held
    if (present >= rest) return message(fragments, wanted, at + rest, octets - rest)
    if (present < octets) return { kind: 'need', octets: at + Math.min(octets, rest) }
    held += present
    at += octets
    octets = 0
  }
}

/** Of the message with its header, or of the header while that is not whole. */
function messageOctets(fragments: readonly Uint8Array[]): number {
  const reader = new Reader(join(fragments, MESSAGE_HEADER_OCTETS))
  reader.skip(1)
  const octets = reader.u24be()
  return MESSAGE_HEADER_OCTETS + (reader.short ? 0 : octets)
}

function message(
  fragments: readonly Uint8Array[],
  octets: number,
  end: number,
  recordLeft: number,
): Handshake {
  const whole = join(fragments, octets)
  return {
    kind: 'message',
    type: whole[0] ?? 0,
    body: whole.subarray(MESSAGE_HEADER_OCTETS),
    end,
    recordLeft,
  }
}

/** The first octets of all, at most so many; a copy only where they are in more than one. */
function join(fragments: readonly Uint8Array[], limit: number): Uint8Array {
  const [first] = fragments
  if (first !== undefined && (fragments.length === 1 || first.length >= limit))
    return first.subarray(0, limit)
  const whole = new Uint8Array(limit)
  let at = 0
  for (const fragment of fragments) {
    const part = fragment.subarray(0, limit - at)
    whole.set(part, at)
    at += part.length
    if (at === limit) break
  }
  return whole.subarray(0, at)
}
