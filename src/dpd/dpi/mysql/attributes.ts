/** Query attributes before a statement's text (CLIENT_QUERY_ATTRIBUTES): skipped, by the types of their values. */
import { Reader } from '../../../core/bytes.js'
import { lengthEncoded, unsigned } from './packet.js'

/** Octets of the binary values that have always the same number; the others say how many. */
const FIXED: Readonly<Record<number, number>> = {
  1: 1,
  2: 2,
  3: 4,
  4: 4,
  5: 8,
  6: 0,
  8: 8,
  9: 4,
  13: 2,
}
/** Dates and times. */
const COUNTED = new Set([7, 10, 11, 12, 17, 18, 19])

/** Offset of the text in the payload of COM_QUERY; null = they cannot be read. */
export function textAfterAttributes(payload: Uint8Array): number | null {
  const reader = new Reader(payload)
  reader.skip(1)
  const count = lengthEncoded(reader)
  const sets = lengthEncoded(reader)
  if (reader.short || count === null || sets !== 1) return null
  if (count === 0) return reader.at
  const nulls = reader.octets((count + 7) >> 3)
  // The types stand there always: there is no earlier execution to take them from.
  if (reader.u8() !== 1) return null
  const types: number[] = []
  for (let i = 0; i < count && !reader.short; i++) {
    types.push(unsigned(reader, 2) & 0xff)
    reader.skip(lengthEncoded(reader) ?? -1)
  }
  types.forEach((type, i) => {
    const isNull = ((nulls[i >> 3] ?? 0) >> (i & 7)) & 1
    if (!isNull) skipValue(reader, type)
  })
  return reader.short ? null : reader.at
}

function skipValue(reader: Reader, type: number): void {
  const fixed = FIXED[type]
  if (fixed !== undefined) reader.skip(fixed)
  else if (COUNTED.has(type)) reader.skip(reader.u8())
  else reader.skip(lengthEncoded(reader) ?? -1)
}
