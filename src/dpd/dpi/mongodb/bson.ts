/** BSON 1.1 (bsonspec.org), read only to find elements: values are passed by their length. */
import { latin1, Reader } from '../../../core/bytes.js'
import { i32le } from './wire.js'

/** Elements passed in one document on the way to those wanted: commands have some 30 at most. */
const ELEMENTS = 1_024
const LEAST_DOCUMENT_OCTETS = 5
/** Names of elements and namespaces: 255 octets by the server's own limit. */
const NAME_OCTETS = 1_024
const NUL = 0

export const BsonType = {
  double: 1,
  string: 2,
  document: 3,
  array: 4,
  boolean: 8,
  int32: 16,
  int64: 18,
} as const

/** Octets of a value by type, where they are fixed: double, undefined, ObjectId, boolean, date, null, … */
const FIXED: Readonly<Record<number, number>> = {
  ...{ 1: 8, 6: 0, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16, 127: 0, 255: 0 },
}
/** Octets beside the length that a length of four octets counts: its own, a subtype, an ObjectId. */
const COUNTED: Readonly<Record<number, number>> = {
  2: 4,
  3: 0,
  4: 0,
  5: 5,
  12: 16,
  13: 4,
  14: 4,
  15: 0,
}
const REGEX = 11

/** Octets of a message, the window's end perhaps before the message's. */
export interface Extent {
  readonly octets: Uint8Array
  readonly at: number
  readonly end: number
}

export interface Element {
  readonly type: number
  readonly name: string
  readonly value: Extent
}

/** How a document's reading ended. */
export type Walked =
  | 'whole'
  /** The visitor had what it wanted. */
  | 'stopped'
  /** More than is there, or than is read, comes after. */
  | 'cut'
  | 'malformed'

/** Visits the elements of a document; true from the visitor = no more wanted. */
export function walk(document: Extent, visit: (element: Element) => boolean): Walked {
  const { octets, at } = document
  const head = new Reader(octets, at, document.end)
  const length = i32le(head)
  if (head.short) return 'cut'
  if (length < LEAST_DOCUMENT_OCTETS) return 'malformed'
  const isCut = at + length > document.end
  const reader = new Reader(octets, at + 4, at + length)
  const end = isCut ? document.end : at + length
  const ranOut: Walked = isCut ? 'cut' : 'malformed'
  for (let count = 0; count < ELEMENTS; count++) {
    if (reader.at >= end) return ranOut
    const type = reader.u8()
    if (type === NUL) return reader.at === at + length ? 'whole' : 'malformed'
    const name = cstring(reader, octets, end)
    if (name === null) return ranOut
    const value: Extent = { octets, at: reader.at, end }
    if (visit({ type, name, value })) return 'stopped'
    const width = valueOctets(type, value)
    if (width === null || width < 0) return width === null ? ranOut : 'malformed'
    reader.skip(width)
    if (reader.short) return ranOut
  }
  return 'cut'
}

/** null = its end is not there (or nowhere near). */
export function cstring(reader: Reader, octets: Uint8Array, end: number): string | null {
  const from = reader.at
  const nul = octets.subarray(from, Math.min(end, from + NAME_OCTETS)).indexOf(NUL)
  if (nul < 0) return null
  reader.skip(nul + 1)
  return latin1(octets, from, from + nul)
}

/** null = not there yet, -1 = no such type or length. */
function valueOctets(type: number, value: Extent): number | null {
  const fixed = FIXED[type]
  if (fixed !== undefined) return fixed
  if (type === REGEX) return regexOctets(value)
  const beside = COUNTED[type]
  if (beside === undefined) return -1
  const reader = new Reader(value.octets, value.at, value.end)
  const length = i32le(reader)
  if (reader.short) return null
  return length < 0 ? -1 : length + beside
}

function regexOctets({ octets, at, end }: Extent): number | null {
  const reader = new Reader(octets, at, end)
  if (cstring(reader, octets, end) === null || cstring(reader, octets, end) === null) return null
  return reader.at - at
}

/** null = no string, or not all there. Names are UTF-8; one character an octet, so that nothing is merged. */
export function stringOf({ type, value }: Element): string | null {
  if (type !== BsonType.string) return null
  const reader = new Reader(value.octets, value.at, value.end)
  const length = i32le(reader)
  if (reader.short || length < 1 || length > NAME_OCTETS || length > reader.left) return null
  return latin1(value.octets, reader.at, reader.at + length - 1)
}

/** Of a number or boolean; null else. */
export function numberOf({ type, value }: Element): number | null {
  const { octets, at, end } = value
  const width = FIXED[type]
  if (width === undefined || at + width > end) return null
  const view = new DataView(octets.buffer, octets.byteOffset + at, width)
  if (type === BsonType.double) return view.getFloat64(0, true)
  if (type === BsonType.int32) return view.getInt32(0, true)
  if (type === BsonType.int64) return Number(view.getBigInt64(0, true))
  return type === BsonType.boolean ? view.getUint8(0) : null
}
