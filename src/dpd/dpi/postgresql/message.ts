/** Frontend/backend protocol 3.0: a type, then a length that counts itself (PostgreSQL documentation, 55.7). */
import { Reader } from '../../../core/bytes.js'

export const TYPE_OCTETS = 1
/** Type and length. */
export const HEADER_OCTETS = 5
const LENGTH_OCTETS = 4

export interface Header {
  readonly type: string
  /** Of what follows the length. */
  readonly octets: number
}

/** null: not there yet. `octets` below 0: no message. */
export function readHeader(input: Uint8Array): Header | null {
  const reader = new Reader(input)
  const type = String.fromCharCode(reader.u8())
  const octets = reader.u32be() - LENGTH_OCTETS
  return reader.short ? null : { type, octets }
}

/** Up to its NUL, which is taken too; null = it has none. */
export function text(reader: Reader, input: Uint8Array): Uint8Array | null {
  const end = input.indexOf(0, reader.at)
  if (end < 0 || reader.short) return null
  const octets = reader.octets(end - reader.at)
  reader.skip(1)
  return octets
}
