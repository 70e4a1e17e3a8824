/** Sessions of MQTT clients from a seed, as a server takes or nearly takes them. */
import type { Random } from '../../../fuzz/random.js'

const TOPICS = [
  ...[
    'a',
    'a/b',
    'a/b/c',
    '/a',
    'a/',
    'a//b',
    '$SYS/x',
    'é/ü',
    ' ',
    'a b',
    '#',
    '+',
    'a/+',
    '+/b',
    'a/#',
  ],
  ...[
    'a#',
    'a+/b',
    '#/a',
    'a/#/b',
    '$share/g/a',
    '$share/g/a/#',
    '$share/g',
    '$share//a',
    '$share/g/',
  ],
  ...['$share/g//a', '$share/+/a', '$queue/a', '$share/a#/b', '', 'a\0b', '\x01', '\x7f'],
]
/** As latin1 octets: no UTF-8, surrogates, overlong, a byte order mark, noncharacters. */
const ODD_TOPICS = [
  '\xff',
  '\xed\xa0\x80',
  '\xc0\x80',
  '\xef\xbb\xbfa',
  '\xef\xbf\xbe',
  '\xf0\x9f\x98\x80',
  '\xf4\x90\x80\x80',
]
const IDS = ['c1', 'c2', '', 'client-with-a-long-name-of-more-than-23', 'é', '\x01']
const latin1Of = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')

const u16 = (value: number): string => String.fromCharCode((value >> 8) & 0xff, value & 0xff)
const string = (octets: string): string => u16(octets.length) + octets
const octet = (value: number): string => String.fromCharCode(value & 0xff)

/** `extra` octets of no value: 0x80 0x00 for 0x00. */
export function varint(value: number, extra = 0): string {
  let text = ''
  let left = value
  do {
    const more = left > 127 || extra > 0
    text += octet((left & 0x7f) | (more ? 0x80 : 0))
    left >>>= 7
  } while (left > 0)
  for (let i = extra; i > 0; i--) text += octet(i > 1 ? 0x80 : 0)
  return text
}

const packetOf = (first: number, body: string, extra = 0): string =>
  octet(first) + varint(body.length, extra) + body

export const connectPacket = (level: number, id: string): string =>
  packetOf(
    0x10,
    `${string(level === 3 ? 'MQIsdp' : 'MQTT')}${octet(level)}\x02\0\x3c${level === 5 ? '\0' : ''}${string(id)}`,
  )

export const subscribePacket = (level: number, filter: string): string =>
  packetOf(0x82, `${u16(1)}${level === 5 ? '\0' : ''}${string(filter)}\0`)

export const publishPacket = (level: number, topic: string): string =>
  packetOf(0x30, string(topic) + (level === 5 ? '\0' : ''))

export class MqttOctets {
  #level = 4

  constructor(readonly random: Random) {}

  octets(): string {
    const { random } = this
    let text = random.below(40) === 0 ? this.#packet() : ''
    text += this.#connect()
    for (let left = random.below(6); left > 0; left--) text += this.#packet()
    return random.below(4) === 0 ? this.#damaged(text) : text
  }

  #rare(often: number, seldom: readonly number[]): number {
    return this.random.below(12) === 0 ? this.random.pick(seldom) : often
  }

  #extra(): number {
    return this.#rare(0, [1, 2, 3])
  }

  #connect(): string {
    const { random } = this
    this.#level = random.pick([3, 4, 5])
    const name = this.#level === 3 ? 'MQIsdp' : 'MQTT'
    const level = this.#rare(this.#level, [this.#level | 0x80, 2, 3, 4, 5, 6, 0x84, 0x85, 0x80, 0])
    const has = {
      will: random.below(3) === 0,
      user: random.below(4) === 0,
      password: random.below(4) === 0,
    }
    const will = has.will ? 4 | (random.below(4) << 3) | (random.below(2) << 5) : 0
    const flags = this.#rare(
      (random.below(5) > 0 ? 2 : 0) | will | (has.user ? 0x80 : 0) | (has.password ? 0x40 : 0),
      [1, 3, 0x0a, 0x22, 0xc3, 0xff, 0x83],
    )
    const isFive = this.#level === 5
    const body =
      string(
        random.below(30) === 0 ? random.pick(['MQIsdp', 'MQTT', 'mqtt', 'MQTT\0', '']) : name,
      ) +
      octet(level) +
      octet(flags) +
      u16(60) +
      (isFive ? this.#properties([0x11, 0x21, 0x22, 0x26, 0x17]) : '') +
      string(random.below(3) === 0 ? latin1Of(random.pick(IDS)) : 'c1') +
      (flags & 4
        ? (isFive ? this.#properties([0x18, 0x01, 0x26]) : '') +
          string(this.#topic()) +
          string('gone')
        : '') +
      (flags & 0x80 ? string('user') : '') +
      (flags & 0x40 ? string('pass') : '') +
      (random.below(20) === 0 ? '\0\x01x' : '')
    return packetOf(0x10 | this.#rare(0, [1, 2, 8, 15]), body, this.#extra())
  }

  #topic(): string {
    const kind = this.random.below(12)
    if (kind === 0) return this.random.pick(ODD_TOPICS)
    if (kind === 1) return 'x'.repeat(this.random.pick([300, 500]))
    if (kind === 2) return 'a/'.repeat(this.random.pick([100, 199, 200, 201, 250]))
    return latin1Of(kind < 8 ? this.random.pick(TOPICS.slice(0, 10)) : this.random.pick(TOPICS))
  }

  #properties(ids: readonly number[]): string {
    const { random } = this
    let text = ''
    for (let left = random.below(4) === 0 ? 1 + random.below(3) : 0; left > 0; left--)
      text += this.#property(random.below(12) === 0 ? random.below(0x30) : random.pick(ids))
    const off = random.below(30) === 0 ? random.below(5) - 2 : 0
    return varint(Math.max(0, text.length + off), this.#rare(0, [1])) + text
  }

  #property(id: number): string {
    const { random } = this
    if ([0x02, 0x11, 0x18, 0x27].includes(id)) return `${octet(id)}\0\0\0\x05`
    if ([0x13, 0x21, 0x22, 0x23].includes(id))
      return octet(id) + u16(random.pick([1, 2, 3, 3, 10, 11, 0, 300]))
    if (id === 0x0b) return octet(id) + varint(random.pick([1, 2, 300, 0]))
    if (id === 0x26) return octet(id) + string('n') + string('v')
    if ([0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c, 0x1f].includes(id))
      return octet(id) + string('t')
    return octet(id) + octet(random.below(3))
  }

  #packet(): string {
    const kind = this.random.below(12)
    if (kind < 5) return this.#publish()
    if (kind < 8) return this.#list(0x82)
    if (kind === 8) return this.#list(0xa2)
    if (kind === 9 && this.random.below(4) === 0) return this.#connect()
    return this.random.pick([
      ...[
        '\xc0\0',
        '\xc0\0',
        '\xc0\x01x',
        '\xe0\0',
        '\xe0\x01\0',
        '\x40\x02\0\x01',
        '\x62\x02\0\x01',
        '\x60\x02\0\x01',
      ],
      ...[
        '\x50\x02\0\x01',
        '\x70\x02\0\x01',
        '\x62\x04\0\x01\0\0',
        '\xf0\0',
        '\0\0',
        '\x20\x02\0\0',
        '\xd0\0',
        '\xc1\0',
      ],
    ])
  }

  #publish(): string {
    const { random } = this
    const flags = this.#rare(random.pick([0, 0, 1, 2, 4, 0x0a]), [8, 6, 0x0e, 0x0c])
    const isAliased = this.#level === 5 && random.below(3) === 0
    const topic = isAliased && random.below(2) === 0 ? '' : this.#topic()
    const id = flags & 6 ? u16(this.#rare(1 + random.below(5), [0])) : ''
    const properties =
      this.#level === 5
        ? this.#properties(isAliased ? [0x23] : [0x01, 0x02, 0x08, 0x26, 0x03, 0x23])
        : ''
    const alias = isAliased && properties.length === 1 ? `\x03${this.#property(0x23)}` : properties
    return packetOf(
      0x30 | flags,
      string(topic) + id + alias + 'p'.repeat(random.below(9)),
      this.#extra(),
    )
  }

  #list(first: number): string {
    const { random } = this
    let body =
      u16(this.#rare(1 + random.below(9), [0])) +
      (this.#level === 5 ? this.#properties([0x0b, 0x26]) : '')
    for (let left = this.#rare(1 + random.below(3), [0, 12]); left > 0; left--) {
      body += string(this.#topic())
      if (first === 0x82)
        body += octet(this.#rare(random.below(3), [3, 4, 8, 0x10, 0x20, 0x30, 0x40, 0x80, 0xff]))
    }
    return packetOf(
      this.#rare(first, [first & 0xf0, first | 8, first | 1, (first & 0xf0) | 8]),
      body,
      this.#extra(),
    )
  }

  #damaged(text: string): string {
    const { random } = this
    const at = random.below(text.length + 1)
    const piece = random.below(3) === 0 ? '' : octet(random.below(256))
    return text.slice(0, at) + piece + text.slice(at + random.below(3))
  }
}
