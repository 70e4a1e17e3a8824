/**
 * What ended flows are asked about, kept as octets. As objects, those of the last ten thousand flows outlive two
 * young collections, each of which copies them, and are garbage in the old generation some seconds later: that took
 * more time than to parse and to judge.
 */
import type { Fields, TxId } from '../core/inspect/contract.js'

/** A transaction of a flow that ended. */
export interface EndedTransaction {
  readonly tx: TxId
  readonly fields: Fields
}

export interface EndedFacts {
  readonly fields: Fields
  readonly transactions: readonly EndedTransaction[]
}

type Value = Fields[string]

/** First octet of a value. */
const VALUE = { latin1: 0, utf16: 1, whole: 2, double: 3, false: 4, true: 5, list: 6 } as const
/** First octet of a field's name, where it isn't its place among those known: a text, or the end of the fields. */
const NAME = { text: 0xff, none: 0xfe } as const
/** Of header fields that rules ask for there may be any number: beyond it names are written out. */
const KNOWN_NAMES_MAX = NAME.none

/** Of this process, and never forgotten: what is written is read by this process alone. */
const knownNames: string[] = []
const places = new Map<string, number>()

const SCRATCH_OCTETS = 4_096
/** A varint of 53 bits, 7 an octet. */
const WHOLE_OCTETS = 8

/** Writes one flow's facts after another, each from the front of the same memory. */
export class FactsWriter {
  #octets = new Uint8Array(SCRATCH_OCTETS)
  #view = new DataView(this.#octets.buffer)
  #at = 0

  /** Valid until the next call; `length` of its octets are meant. */
  get octets(): Uint8Array {
    return this.#octets
  }

  /** Returns how many octets it takes. */
  write(fields: Fields, transactions: readonly EndedTransaction[]): number {
    this.#at = 0
    this.#fields(fields)
    this.#whole(transactions.length)
    for (const { tx, fields } of transactions) {
      this.#whole(tx)
      this.#fields(fields)
    }
    return this.#at
  }

  #fields(fields: Fields): void {
    for (const name in fields) {
      this.#name(name)
      this.#value(fields[name] as Value)
    }
    this.#octet(NAME.none)
  }

  #name(name: string): void {
    const place = placeOf(name)
    this.#octet(place)
    if (place === NAME.text) this.#text(name)
  }

  #value(value: Value): void {
    if (typeof value === 'string') this.#text(value)
    else if (typeof value === 'number') this.#number(value)
    else if (typeof value === 'boolean') this.#octet(value ? VALUE.true : VALUE.false)
    else {
      this.#octet(VALUE.list)
      this.#whole(value.length)
      for (const each of value) this.#text(each)
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
      this.#octet(VALUE.whole)
      this.#whole(value)
      return
    }
    this.#octet(VALUE.double)
    this.#room(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  #text(text: string): void {
    const { length } = text
    this.#room(1 + WHOLE_OCTETS + 2 * length)
    const kindAt = this.#at
    this.#octet(VALUE.latin1)
    this.#whole(length)
    const from = this.#at
    const octets = this.#octets
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0xff) {
        octets[kindAt] = VALUE.utf16
        this.#utf16(text, from)
        return
      }
      octets[from + i] = unit
    }
    this.#at = from + length
  }

  #utf16(text: string, from: number): void {
    for (let i = 0; i < text.length; i++)
      this.#view.setUint16(from + 2 * i, text.charCodeAt(i), true)
    this.#at = from + 2 * text.length
  }

  #octet(octet: number): void {
    this.#room(1)
    this.#octets[this.#at++] = octet
  }

  #whole(value: number): void {
    this.#room(WHOLE_OCTETS)
    let rest = value
    while (rest >= 0x80) {
      this.#octets[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#octets[this.#at++] = rest
  }

  #room(octets: number): void {
    if (this.#at + octets <= this.#octets.length) return
    const wider = new Uint8Array(2 * (this.#at + octets))
    wider.set(this.#octets)
    this.#octets = wider
    this.#view = new DataView(wider.buffer)
  }
}

function placeOf(name: string): number {
  const place = places.get(name)
  if (place !== undefined) return place
  if (knownNames.length >= KNOWN_NAMES_MAX) return NAME.text
  places.set(name, knownNames.length)
  return knownNames.push(name) - 1
}

/** What a FactsWriter wrote. */
export function readFacts(octets: Uint8Array): EndedFacts {
  const reader = new FactsReader(octets)
  const fields = reader.fields()
  const transactions = Array.from({ length: reader.whole() }, () => ({
    tx: reader.whole(),
    fields: reader.fields(),
  }))
  return { fields, transactions }
}

class FactsReader {
  #at = 0
  readonly #view: DataView

  constructor(octets: Uint8Array) {
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  }

  fields(): Fields {
    const fields: Record<string, Value> = {}
    for (let place = this.#u8(); place !== NAME.none; place = this.#u8()) {
      const name = place === NAME.text ? this.#text() : (knownNames[place] ?? '')
      fields[name] = this.#value()
    }
    return fields
  }

  whole(): number {
    for (let value = 0, unit = 1; ; unit *= 0x80) {
      const octet = this.#u8()
      value += (octet & 0x7f) * unit
      if (octet < 0x80) return value
    }
  }

  #value(): Value {
    const kind = this.#view.getUint8(this.#at)
    if (kind <= VALUE.utf16) return this.#text()
    this.#at++
    if (kind === VALUE.whole) return this.whole()
    if (kind === VALUE.double) return this.#double()
    if (kind === VALUE.list) return Array.from({ length: this.whole() }, () => this.#text())
    return kind === VALUE.true
  }

  #double(): number {
    this.#at += 8
    return this.#view.getFloat64(this.#at - 8, true)
  }

  #text(): string {
    const isLatin1 = this.#u8() === VALUE.latin1
    const units = this.whole()
    const octets = isLatin1 ? units : 2 * units
    const { buffer, byteOffset } = this.#view
    const text = Buffer.from(buffer, byteOffset + this.#at, octets)
    this.#at += octets
    return text.toString(isLatin1 ? 'latin1' : 'utf16le')
  }

  #u8(): number {
    return this.#view.getUint8(this.#at++)
  }
}
