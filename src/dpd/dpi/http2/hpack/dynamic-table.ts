/** RFC 7541 §2.3.2, §4: the entries that one direction's encoder made, newest first. */
import { type HeaderField, headerField } from './field.js'

/** The places of evicted entries are given up in such numbers. */
const COMPACT = 64

/** Oldest first. */
export type SavedTable = readonly [
  maxOctets: number,
  ...fields: (readonly [name: string, value: string])[],
]

export class DynamicTable {
  /** Counts changes: with the same number the same indices mean the same fields. */
  changes = 0
  private fields: (HeaderField | null)[] = []
  /** Of the oldest entry in `fields`. */
  private oldest = 0
  private octets = 0

  constructor(private maxOctets: number) {}

  static restore([maxOctets, ...fields]: SavedTable): DynamicTable {
    const table = new DynamicTable(maxOctets)
    for (const [name, value] of fields) table.add(headerField(name, value))
    return table
  }

  save(): SavedTable {
    const fields = this.fields.filter((field) => field !== null)
    return [this.maxOctets, ...fields.map(({ name, value }) => [name, value] as const)]
  }

  get limit(): number {
    return this.maxOctets
  }

  /** Index 1 is the newest. */
  get(index: number): HeaderField | null {
    const at = this.fields.length - index
    return at < this.oldest ? null : (this.fields[at] ?? null)
  }

  /** An entry larger than the table empties it (RFC 7541 §4.4). */
  add(field: HeaderField): void {
    this.changes++
    const { size } = field
    this.evict(this.maxOctets - size)
    if (size > this.maxOctets) return
    this.fields.push(field)
    this.octets += size
  }

  resize(maxOctets: number): void {
    this.changes++
    this.maxOctets = maxOctets
    this.evict(maxOctets)
  }

  private evict(target: number): void {
    while (this.octets > Math.max(target, 0)) {
      this.octets -= this.fields[this.oldest]?.size ?? 0
      this.fields[this.oldest++] = null
    }
    if (this.oldest === this.fields.length) {
      this.fields.length = 0
      this.oldest = 0
    } else if (this.oldest >= COMPACT) {
      this.fields = this.fields.slice(this.oldest)
      this.oldest = 0
    }
  }
}
