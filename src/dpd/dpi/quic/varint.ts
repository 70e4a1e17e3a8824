import type { Reader } from '../../../core/bytes.js'

/** RFC 9000 §16: the first two bits tell the length. Beyond 2^53 it is not exact, and above every limit here. */
export function varint(reader: Reader): number {
  const first = reader.u8()
  const low = first & 0x3f
  switch (first >> 6) {
    case 0:
      return low
    case 1:
      return low * 2 ** 8 + reader.u8()
    case 2:
      return low * 2 ** 24 + reader.u24be()
    default:
      return (low * 2 ** 24 + reader.u24be()) * 2 ** 32 + reader.u32be()
  }
}
