/** Walks a message by its layout and gathers the topics that it names. */
import type { Reader } from '../../../core/bytes.js'
import { utf8Text } from '../utf8.js'
import type { Layout, Word } from './layout.js'

/** Of one request; more are not told. */
export const TOPICS = 1_024
/** Of resources in the configuration apis. */
const RESOURCE_TOPIC = 2
const UUID_OCTETS = 16
const NO_UUID = '0'.repeat(2 * UUID_OCTETS)
/** A variable-length integer of 32 bits has five octets. */
const VARINT_OCTETS = 5

export interface Names {
  /** `count` of an array of topics: -1 = null. */
  array(count: number): void
  /** null = octets that are no UTF-8. */
  topic(name: string | null): void
  topicId(id: string): void
  /** An element of such an array begins. */
  entry?(): void
  partition?(index: number): void
  group?(name: string | null): void
}

export class Walk {
  acks = -1
  /** Of an incremental fetch session (KIP-227): its epoch; -1 or 0 = a full fetch. */
  sessionEpoch = -1
  sessionId = 0
  group: string | null = null
  /** Of FindCoordinator: 0 = keys are groups. */
  keyType = 0
  /** A pattern stands for topics that are not named. */
  hasPattern = false
  isOver = false
  readonly #reader: Reader
  readonly #isFlexible: boolean
  readonly #last: Word | null
  readonly #names: Names
  /** Every array that is open is at its last element. */
  #isTail = true
  #count = 0

  constructor(reader: Reader, isFlexible: boolean, layout: Layout, names: Names) {
    this.#reader = reader
    this.#isFlexible = isFlexible
    this.#last = layout.last
    this.#names = names
    this.#words(layout.words)
  }

  #words(words: readonly Word[]): void {
    for (const word of words) {
      if (this.isOver || this.#reader.short) return
      this.#word(word)
      if (word === this.#last && this.#isTail) this.isOver = true
    }
  }

  #word(word: Word): void {
    const reader = this.#reader
    if (word.kind === 'skip') reader.skip(word.octets)
    else if (word.kind === 'array') this.#array(word)
    else if (word.kind === 'str') this.#text()
    else if (word.kind === 'bytes') reader.skip(Math.max(0, this.#bytesLength()))
    else this.#name(word.kind)
  }

  #name(kind: Exclude<Word, { kind: 'skip' | 'array' }>['kind']): void {
    const reader = this.#reader
    if (kind === 'topic') this.#tell(this.#text())
    else if (kind === 'topicId') this.#topicId()
    else if (kind === 'resource') {
      const isTopic = reader.u8() === RESOURCE_TOPIC
      const name = this.#text()
      if (isTopic) this.#tell(name)
    } else if (kind === 'partition') {
      const index = reader.u32be() | 0
      if (!reader.short) this.#names.partition?.(index)
    } else if (kind === 'group') this.#group()
    else if (kind === 'regex') this.hasPattern = (this.#text()?.length ?? 0) > 0
    else if (kind === 'acks') this.acks = reader.u16be()
    else if (kind === 'keyType') this.keyType = reader.u8()
    else {
      this.sessionId = reader.u32be()
      this.sessionEpoch = reader.u32be() | 0
    }
  }

  #tell(octets: Uint8Array | null): void {
    if (this.#reader.short || octets === null || ++this.#count > TOPICS) return
    this.#names.topic(utf8Text(octets))
  }

  #group(): void {
    this.group = nameOf(this.#text())
    if (!this.#reader.short) this.#names.group?.(this.group)
  }

  #topicId(): void {
    const octets = this.#reader.octets(UUID_OCTETS)
    if (this.#reader.short || ++this.#count > TOPICS) return
    const id = Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('')
    if (id !== NO_UUID) this.#names.topicId(id)
  }

  get hasTooMany(): boolean {
    return this.#count > TOPICS
  }

  #array(word: Extract<Word, { kind: 'array' }>): void {
    const reader = this.#reader
    const count = this.#isFlexible ? this.varint() - 1 : reader.u32be() | 0
    if (reader.short) return
    const names = namesTopics(word)
    if (names) this.#names.array(count)
    const wasTail = this.#isTail
    for (let i = 0; i < count && !reader.short && !this.isOver && !this.hasTooMany; i++) {
      this.#isTail = wasTail && i === count - 1
      if (names) this.#names.entry?.()
      this.#words(word.words)
      if (this.#isFlexible && !word.isBare && !this.isOver) this.tags()
    }
    this.#isTail = wasTail
  }

  /** null = no string. */
  #text(): Uint8Array | null {
    const length = this.#isFlexible ? this.varint() - 1 : (this.#reader.u16be() << 16) >> 16
    return length < 0 ? null : this.#reader.octets(length)
  }

  #bytesLength(): number {
    return this.#isFlexible ? this.varint() - 1 : this.#reader.u32be() | 0
  }

  varint(): number {
    return readVarint(this.#reader)
  }

  tags(): void {
    skipTags(this.#reader)
  }
}

const namesTopics = ({ words }: Extract<Word, { kind: 'array' }>): boolean =>
  words.some(({ kind }) => kind === 'topic' || kind === 'topicId')

const nameOf = (octets: Uint8Array | null): string | null =>
  octets === null ? null : utf8Text(octets)

/** An UNSIGNED_VARINT; one of more than 32 bits is nothing that is there. */
export function readVarint(reader: Reader): number {
  let value = 0
  for (let i = 0; i < VARINT_OCTETS; i++) {
    const octet = reader.u8()
    value += (octet & 0x7f) * 128 ** i
    if ((octet & 0x80) === 0) return value
  }
  reader.skip(Number.MAX_SAFE_INTEGER)
  return 0
}

/** Tagged fields (KIP-482). */
export function skipTags(reader: Reader): void {
  const count = readVarint(reader)
  for (let i = 0; i < count && !reader.short; i++) {
    readVarint(reader)
    reader.skip(readVarint(reader))
  }
}
