/** Writes a reply by its layout: each word is a value that says nothing, but for what the request named and one error. */
import type { Layout, Word } from './layout.js'

/** Octets of the layout that are fixed are zero. */
export type Written =
  | ('topic' | 'topicId' | 'partition' | 'group' | 'error')
  /** Clients take a list without a broker for a cluster that begins, and ask again: this connection's. */
  | ('node' | 'host' | 'port')
  /** A string that is not there, one of no octets, and an array or bytes of none. */
  | ('null' | 'text' | 'empty')
  /** -1 */
  | ('none16' | 'none32' | 'none64')
  /** Operations that nobody asked about (KIP-430). */
  | 'unasked'

export interface Topic {
  /** null = the request has its identifier alone. */
  name: string | null
  /** Hexadecimal; null = none. */
  id: string | null
  readonly partitions: number[]
}

export interface Repeated {
  readonly topics: readonly Topic[]
  readonly groups: readonly string[]
}

export interface Broker {
  readonly host: string
  readonly port: number
}

interface Entry {
  readonly topic?: Topic
  readonly partition?: number
  readonly group?: string
}

/** No node of a cluster: below the numbers that clients make up for coordinators. */
const NODE_ID = 0x3fff_ffff
const NO_UUID = '0'.repeat(32)

export class ReplyWriter {
  readonly octets: number[] = []

  constructor(
    readonly isFlexible: boolean,
    readonly given: {
      readonly error: number
      readonly repeated: Repeated
      readonly broker: Broker
    },
  ) {}

  /** A body, with its tagged fields. */
  body({ words }: Layout<Written>): void {
    this.#structure(words, {})
  }

  i32(value: number): void {
    this.octets.push(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
  }

  /** Tagged fields: none. */
  tags(): void {
    if (this.isFlexible) this.octets.push(0)
  }

  #structure(words: readonly Word<Written>[], entry: Entry): void {
    for (const word of words) this.#word(word, entry)
    this.tags()
  }

  #word(word: Word<Written>, entry: Entry): void {
    if (word.kind === 'array') {
      const entries = this.#entriesOf(word.words, entry)
      this.#count(entries.length)
      for (const each of entries) this.#structure(word.words, each)
    } else if (word.kind === 'skip') this.#fill(word.octets, 0)
    else this.#value(word.kind, entry)
  }

  #entriesOf(words: readonly Word<Written>[], entry: Entry): readonly Entry[] {
    const { topics, groups } = this.given.repeated
    const kinds = words.map(({ kind }) => kind)
    if (kinds.includes('topic') || kinds.includes('topicId')) {
      return topics.map((each) => ({ topic: each }))
    }
    if (kinds.includes('group')) return groups.map((group) => ({ group }))
    if (kinds.includes('host')) return [entry]
    return entry.topic?.partitions.map((partition) => ({ partition })) ?? []
  }

  #value(kind: Written, { topic, partition, group }: Entry): void {
    if (kind === 'topic') this.#text(topic?.name ?? null)
    else if (kind === 'topicId') this.octets.push(...Buffer.from(topic?.id ?? NO_UUID, 'hex'))
    else if (kind === 'partition') this.i32(partition ?? 0)
    else if (kind === 'group') this.#text(group ?? '')
    else if (kind === 'error') this.#i16(this.given.error)
    else if (kind === 'node') this.i32(NODE_ID)
    else if (kind === 'host') this.#text(this.given.broker.host)
    else if (kind === 'port') this.i32(this.given.broker.port)
    else if (kind === 'null') this.#text(null)
    else if (kind === 'text') this.#text('')
    else if (kind === 'empty') this.#count(0)
    else if (kind === 'unasked') this.i32(-0x8000_0000)
    else this.#fill(Number(kind.slice('none'.length)) / 8, 0xff)
  }

  #i16(value: number): void {
    this.octets.push((value >> 8) & 0xff, value & 0xff)
  }

  #fill(octets: number, value: number): void {
    for (let i = 0; i < octets; i++) this.octets.push(value)
  }

  #count(value: number): void {
    if (this.isFlexible) this.#varint(value + 1)
    else this.i32(value)
  }

  /** null = -1, in compact form 0. */
  #text(text: string | null): void {
    const octets = text === null ? null : Buffer.from(text)
    if (this.isFlexible) this.#varint(octets === null ? 0 : octets.length + 1)
    else this.#i16(octets?.length ?? -1)
    if (octets !== null) this.octets.push(...octets)
  }

  #varint(value: number): void {
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.octets.push((rest & 0x7f) | 0x80)
    this.octets.push(rest)
  }
}
