/** Queries from a seed, as resolvers send them and as none does. */
import type { Random } from '../../../fuzz/random.js'

export type Octets = readonly number[]

const u16 = (value: number): Octets => [(value >> 8) & 0xff, value & 0xff]
const letters = (text: string): Octets => [...Buffer.from(text, 'latin1')]

/** Labels behind their lengths, and the end. */
export const nameOctets = (labels: readonly string[]): Octets => [
  ...labels.flatMap((label) => [label.length, ...letters(label)]),
  0,
]

const ZONE = ['good', 'example']
const FIRST = 12
const LABELS = [
  'a',
  'www',
  'WwW',
  'a.b',
  'a\0',
  '\0',
  '\\',
  ' ',
  '\xff',
  '*',
  '_tcp',
  'x'.repeat(63),
]
const TYPES = [1, 1, 1, 28, 5, 16, 15, 255, 252, 251, 65, 6, 41, 250, 0, 65_280]
const CLASSES = [1, 1, 1, 1, 1, 1, 1, 3, 4, 0, 2, 5, 254, 255, 0x8001]
const FLAGS = [
  0x0100, 0x0100, 0x0100, 0, 0x0120, 0x0110, 0x0140, 0x0103, 0x010f, 0x0200, 0x0400, 0x0080, 0x8180,
]
const COUNTS = [0, 1, 2, 5, 17, 33, 255, 65_535]
const OPCODES = [1, 2, 3, 4, 5, 6, 15]

export class DnsOctets {
  constructor(readonly random: Random) {}

  #odd<T>(plain: T, others: readonly T[]): T {
    return this.random.below(12) === 0 ? this.random.pick(others) : plain
  }

  #name(): Octets {
    const { random } = this
    const labels = random.below(3) === 0 ? [] : [random.pick(LABELS)]
    const plain = nameOctets([...labels, ...ZONE])
    switch (random.below(36)) {
      case 0:
        // Onto itself, into the header, forward.
        return [0xc0, random.pick([0, 4, FIRST, FIRST + 2, FIRST + 6, 29, 255])]
      case 1:
        return [1, 0x61, 0xc0, random.pick([2, 6, FIRST, FIRST + 2, FIRST + 4, FIRST + 8, 200])]
      case 2:
        return [random.pick([0x40, 0x41, 0x80, 0xbf]), ...plain]
      case 3:
        return nameOctets([...Array<string>(3 + random.below(2)).fill('y'.repeat(60)), ...ZONE])
      case 4:
        return [0]
      default:
        return plain
    }
  }

  #question(): Octets {
    const { random } = this
    return [...this.#name(), ...u16(random.pick(TYPES)), ...u16(random.pick(CLASSES))]
  }

  /** Of an additional section, mostly EDNS. */
  #additional(): Octets {
    const { random } = this
    const options = random.pick<Octets>([
      [],
      [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8],
      [0, 12, 0, 9],
      [1],
    ])
    const version = this.#odd(0, [1, 7, 255])
    const opt = [
      0,
      0,
      41,
      4,
      208,
      0,
      version,
      random.pick([0, 0x80]),
      0,
      ...u16(options.length),
      ...options,
    ]
    const record = [...this.#name(), 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 1]
    return random.pick([opt, opt, opt, [...opt, ...opt], record])
  }

  /** A query by its parts, each of them odd now and then. */
  query(): Octets {
    const { random } = this
    const opcode = this.#odd(0, OPCODES)
    const flags = this.#odd(0x0100, FLAGS) | (opcode << 11)
    const questions = this.#odd(1, [0, 2, 3, 5])
    const extra = random.below(2) === 0 ? this.#additional() : []
    const counts = [questions, this.#odd(0, [1]), 0, extra.length > 0 ? 1 : 0].map((count) =>
      random.below(48) === 0 ? random.pick(COUNTS) : count,
    )
    const asked = Array.from({ length: questions }, () => this.#question()).flat()
    const tail = random.below(12) === 0 ? [0, 1, 2].slice(random.below(3)) : []
    const id = random.pick([0x1603, 0x4745, 0, 0x2a6b])
    return [...u16(id), ...u16(flags), ...counts.flatMap(u16), ...asked, ...extra, ...tail]
  }

  datagram(): Octets {
    return this.random.below(4) === 0 ? this.#damaged(this.query()) : this.query()
  }

  /** A connection's octets: messages behind their lengths, now and then an empty one before them. */
  stream(): Octets {
    const { random } = this
    const all: number[] = random.below(6) === 0 ? [0, 0] : []
    for (let left = 1 + random.below(3); left > 0; left--) {
      // The first is nearly a query: behind others a flow is not taken for DNS (docs/protocols.md).
      const message = all.length > 2 ? this.datagram() : this.#plainQuery()
      const length = this.#odd(message.length, [0, message.length - 1, message.length + 1])
      all.push(...u16(all.length > 2 ? length : message.length), ...message)
    }
    return all
  }

  #plainQuery(): Octets {
    const { random } = this
    const flags = this.#odd(0x0100, FLAGS) | (this.#odd(0, OPCODES) << 11)
    const counts = [1, 0, 0, 0].flatMap(u16)
    return [...u16(random.below(65_536)), ...u16(flags), ...counts, ...this.#question()]
  }

  #damaged(octets: Octets): Octets {
    const { random } = this
    const at = random.below(octets.length + 1)
    const piece = Array.from({ length: random.below(3) }, () =>
      random.pick([0, 1, 0xc0, 0x0c, 0x3f, 0x40, 0xff, random.below(256)]),
    )
    const changed = [...octets.slice(0, at), ...piece, ...octets.slice(at + random.below(3))]
    return random.below(6) === 0 ? changed.slice(0, random.below(changed.length + 1)) : changed
  }
}
