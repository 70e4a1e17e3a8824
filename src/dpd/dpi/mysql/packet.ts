/** The client/server protocol's packets: little-endian, at most 2^24 - 1 octets; longer ones go on in the next. */
import { Reader } from '../../../core/bytes.js'

export const HEADER_OCTETS = 4
export const LONGEST = 0xffffff

export interface Header {
  readonly octets: number
  readonly sequence: number
}

export function readHeader(input: Uint8Array): Header | null {
  const reader = new Reader(input)
  const octets = unsigned(reader, 3)
  const sequence = reader.u8()
  return reader.short ? null : { octets, sequence }
}

/** Little-endian, up to 6 octets. */
export function unsigned(reader: Reader, octets: number): number {
  let value = 0
  for (let i = 0, unit = 1; i < octets; i++, unit *= 256) value += reader.u8() * unit
  return value
}

/** Length-encoded; null is no number (NULL, an error, or a start of another packet). */
export function lengthEncoded(reader: Reader): number | null {
  const first = reader.u8()
  if (first < 0xfb) return first
  if (first === 0xfc) return unsigned(reader, 2)
  if (first === 0xfd) return unsigned(reader, 3)
  if (first !== 0xfe) return null
  const low = unsigned(reader, 6)
  // Above 2^48: nothing that fits a packet.
  return unsigned(reader, 2) === 0 ? low : null
}

/** Up to its NUL, which is taken too, or to the end. */
export function nulTerminated(reader: Reader, input: Uint8Array): Uint8Array {
  const end = input.indexOf(0, reader.at)
  const text = reader.octets((end < 0 ? reader.at + reader.left : end) - reader.at)
  if (end >= 0) reader.skip(1)
  return text
}
