/** HPACK (RFC 7541): one direction's header blocks, with the state of their encoder. */
import { latin1, Reader } from '../../../../core/bytes.js'
import { DynamicTable, type SavedTable } from './dynamic-table.js'
import { type HeaderField, headerField } from './field.js'
import { decodeHuffman } from './huffman.js'
import { STATIC_TABLE } from './static-table.js'

/** RFC 9113 §6.5.2. */
export const DEFAULT_TABLE_OCTETS = 4_096
/** What browsers ask for; no client or server in use goes beyond it of its own accord. */
const TABLE_OCTETS_MAX = 65_536
/** Of names and values, 32 octets more for each field (RFC 9113 §6.5.2); Node's default, above nginx's and nghttp2's. */
const HEADER_LIST_OCTETS = 65_536
/** An encoder says its smallest size and its last (RFC 7541 §4.2). */
const SIZE_UPDATES = 2
/** Four octets after the prefix: far above any length or index that can be meant. */
const INTEGER_BITS = 28

/** Names and values are read one after the other and end as strings. */
const scratch = new Uint8Array(HEADER_LIST_OCTETS)

export type HeaderList =
  | { readonly kind: 'fields'; readonly fields: readonly HeaderField[] }
  | { readonly kind: 'malformed'; readonly clause: string }

export type SavedDecoder = readonly [allowed: number, mustUpdate: boolean, table: SavedTable]

export class HpackDecoder {
  /** The next block must begin with a size update (RFC 7541 §4.2). */
  mustUpdate = false
  private allowedOctets = DEFAULT_TABLE_OCTETS
  private clause = ''

  constructor(readonly table = new DynamicTable(DEFAULT_TABLE_OCTETS)) {}

  static restore([allowed, mustUpdate, table]: SavedDecoder): HpackDecoder {
    const decoder = new HpackDecoder(DynamicTable.restore(table))
    decoder.allowedOctets = allowed
    decoder.mustUpdate = mustUpdate
    return decoder
  }

  save(): SavedDecoder {
    return [this.allowedOctets, this.mustUpdate, this.table.save()]
  }

  /** The encoder has acknowledged SETTINGS_HEADER_TABLE_SIZE. */
  allow(octets: number): void {
    this.allowedOctets = octets
    if (octets < this.table.limit) this.mustUpdate = true
  }

  decode(octets: Uint8Array, from: number, to: number): HeaderList {
    const reader = new Reader(octets, from, to)
    this.clause = ''
    this.updateSize(reader, octets)
    const fields: HeaderField[] = []
    let size = 0
    while (reader.left > 0 && this.clause === '') {
      const field = this.read(reader, octets)
      if (field === null) break
      size += field.size
      if (size > HEADER_LIST_OCTETS) {
        this.fail(`RFC 9113 §6.5.2 header list of more than ${HEADER_LIST_OCTETS} octets`)
      }
      fields.push(field)
    }
    if (reader.short) this.fail('RFC 7541 §5 block ends within a field')
    return this.clause === ''
      ? { kind: 'fields', fields }
      : { kind: 'malformed', clause: this.clause }
  }

  /** The first of what is wrong stands. */
  private fail(clause: string): null {
    if (this.clause === '') this.clause = clause
    return null
  }

  private updateSize(reader: Reader, octets: Uint8Array): void {
    let updates = 0
    while (reader.left > 0 && ((octets[reader.at] ?? 0) & 0xe0) === 0x20) {
      const size = this.integer(reader, reader.u8() & 0x1f, 0x1f)
      if (size > this.allowedOctets || ++updates > SIZE_UPDATES) {
        this.fail('RFC 7541 §4.2 table size update')
      } else if (size > TABLE_OCTETS_MAX) {
        this.fail(`RFC 7541 §4.2 table of more than ${TABLE_OCTETS_MAX} octets`)
      }
      if (this.clause !== '') return
      this.table.resize(size)
      this.mustUpdate = false
    }
    if (this.mustUpdate) this.fail('RFC 7541 §4.2 no table size update')
  }

  /** RFC 7541 §6. */
  private read(reader: Reader, octets: Uint8Array): HeaderField | null {
    const first = reader.u8()
    if (first & 0x80) return this.indexed(this.integer(reader, first & 0x7f, 0x7f))
    if (first & 0x40) {
      const field = this.literal(reader, octets, this.integer(reader, first & 0x3f, 0x3f))
      if (field !== null) this.table.add(field)
      return field
    }
    if (first & 0x20) return this.fail('RFC 7541 §4.2 table size update after a field')
    return this.literal(reader, octets, this.integer(reader, first & 0x0f, 0x0f))
  }

  private literal(reader: Reader, octets: Uint8Array, index: number): HeaderField | null {
    if (index > 0) {
      const named = this.indexed(index)
      const value = this.text(reader, octets)
      return named === null || value === null ? null : named.withValue(value)
    }
    const name = this.text(reader, octets)
    const value = name === null ? null : this.text(reader, octets)
    return name === null || value === null ? null : headerField(name, value)
  }

  private indexed(index: number): HeaderField | null {
    const inTable = index - STATIC_TABLE.length + 1
    const field = inTable > 0 ? this.table.get(inTable) : (STATIC_TABLE[index] ?? null)
    return field ?? this.fail('RFC 7541 §2.3.3 index without an entry')
  }

  /** RFC 7541 §5.1; `mask` is the prefix with all bits set. */
  private integer(reader: Reader, prefix: number, mask: number): number {
    if (prefix < mask) return prefix
    let value = mask
    for (let shift = 0; shift < INTEGER_BITS; shift += 7) {
      const octet = reader.u8()
      value += (octet & 0x7f) << shift
      if ((octet & 0x80) === 0) return value
    }
    this.fail('RFC 7541 §5.1 integer too large')
    return 0
  }

  /** RFC 7541 §5.2. */
  private text(reader: Reader, octets: Uint8Array): string | null {
    const first = reader.u8()
    const length = this.integer(reader, first & 0x7f, 0x7f)
    const { at } = reader
    reader.skip(length)
    if (reader.short || this.clause !== '') return null
    if ((first & 0x80) === 0) return latin1(octets, at, at + length)
    const decoded = decodeHuffman(octets, at, at + length, scratch)
    return decoded < 0 ? this.fail('RFC 7541 §5.2 Huffman code') : latin1(scratch, 0, decoded)
  }
}
