/** Commands for memcached from a seed: text, meta and binary, as a server takes or nearly takes them. */
import type { Random } from '../../../fuzz/random.js'

const NUMBERS = [
  ...[
    '0',
    '1',
    '5',
    '-1',
    '+1',
    '-0',
    '00',
    '',
    '1\t',
    ' 1',
    '\t1',
    '1x',
    'x',
    '0x1',
    '1e1',
    '1\r',
  ],
  ...['2147483647', '2147483648', '-2147483648', '-2147483649', '4294967295', '4294967296'],
  ...['9223372036854775807', '9223372036854775808', '18446744073709551615', '18446744073709551616'],
  ...[
    '99999999999999999999',
    '-18446744073709551615',
    '-99999999999999999999',
    '000000000000000000005',
  ],
]
const LENGTHS = ['1048576', '1073741824', '1073741825', '2147483645', '2147483646', '4294967297']
const META_FLAGS = (
  'b b b v k q q t f s c O1 Oab N30 T30 T-1 R30 E5 C1 C0 D2 J5 M+ MD Mappend MS ME MX F7 F99999999999 I h l x S5 ' +
  'bx b64 qq kb vv - 1 \x01 bb B Q'
).split(' ')
const ODD_KEYS = ['k1\0k2', 'k1\tk2', 'k1\r', '\x01', '\x7f', 'é', 'noreply', '0', '"k1"', 'k1,k2']
const ADMIN = [
  ...['version', 'version x', 'stats', 'stats items', 'stats foo'],
  ...[
    'mn',
    'mn x',
    'MN',
    'stats reset',
    'lru_crawler enable',
    'lru mode flat',
    'cache_memlimit 64',
  ],
  ...[
    'quit',
    'quit x',
    'shutdown',
    'flush_all 99999',
    'slabs automove 0',
    '',
    'x',
    'foo bar',
    'VERSION',
    'verbosity',
  ],
]

/** Binary opcodes, and how many octets of extras, a key and a value they have. */
const BINARY: readonly (readonly [number, number, boolean, boolean])[] = [
  ...([0x00, 0x09, 0x0c, 0x0d, 0x04, 0x14] as const).map((op) => [op, 0, true, false] as const),
  ...([0x01, 0x02, 0x03, 0x11, 0x12, 0x13] as const).map((op) => [op, 8, true, true] as const),
  ...([0x05, 0x06, 0x15, 0x16] as const).map((op) => [op, 20, true, false] as const),
  ...([0x0e, 0x0f, 0x19, 0x1a] as const).map((op) => [op, 0, true, true] as const),
  ...([0x1c, 0x1d, 0x1e, 0x23, 0x24] as const).map((op) => [op, 4, true, false] as const),
  ...([0x0a, 0x0b, 0x10, 0x07, 0x17, 0x20] as const).map((op) => [op, 0, false, false] as const),
  ...([
    [0x08, 4, false, false],
    [0x18, 0, false, false],
    [0x1b, 4, false, false],
  ] as const),
  ...([
    [0x21, 0, true, true],
    [0x22, 0, true, true],
    [0x30, 4, true, false],
    [0x3d, 0, false, true],
  ] as const),
]

export class MemcachedOctets {
  /** Over UDP a block that is never whole would take what comes after. */
  constructor(
    readonly random: Random,
    readonly isShort = false,
  ) {}

  /** A connection's octets, or a datagram's. */
  octets(): string {
    const { random } = this
    const isBinary = random.below(3) === 0
    let text = ''
    for (let left = 1 + random.below(4); left > 0; left--) {
      if (random.below(20) === 0) text += this.#noise()
      text += isBinary !== (random.below(25) === 0) ? this.binary() : this.text()
    }
    return random.below(4) === 0 ? this.#damaged(text, isBinary) : text
  }

  /** Frames (protocol.txt, "UDP protocol"): a request id, a sequence number, a count, reserved octets. */
  datagrams(): string[] {
    const { random } = this
    return Array.from({ length: 1 + random.below(3) }, () => {
      const sequence = random.below(6) === 0 ? '\0\x01' : '\0\0'
      const total = random.below(6) > 0 ? '\0\x01' : random.pick(['\0\x02', '\0\0', '\x01\x01'])
      const reserved = random.below(6) === 0 ? '\x01\x02' : '\0\0'
      return `\0${String.fromCharCode(random.below(3))}${sequence}${total}${reserved}${this.octets()}`
    })
  }

  text(): string {
    const kind = this.random.below(10)
    if (kind < 3) return this.#line(this.#retrieval())
    if (kind < 6) return this.#storage()
    if (kind < 8) return this.#meta()
    if (kind === 8) return this.#line(this.#change())
    return this.#line(this.random.pick(ADMIN))
  }

  binary(): string {
    const { random } = this
    const [opcode, extras, hasKey, hasValue] = random.pick(
      // What a server lacks it passes over, and over UDP waits for more.
      this.isShort ? BINARY.slice(0, -2) : BINARY,
    )
    const odd = random.below(6) === 0
    const key = hasKey !== (odd && random.below(3) === 0) ? this.#binaryKey() : ''
    const extra = '\0'.repeat(odd && random.below(3) === 0 ? random.below(30) : extras)
    const inside = random.below(2) === 0 ? binaryRequest(0, 'k9') : 'v'
    const value = hasValue || (odd && random.below(3) > 0) ? inside : ''
    return binaryRequest(
      opcode,
      key,
      extra,
      value,
      odd && random.below(4) === 0 ? random.below(9) - 4 : 0,
    )
  }

  #key(): string {
    const { random } = this
    const kind = random.below(30)
    if (kind === 0) return random.pick(ODD_KEYS)
    if (kind === 1) return 'k'.repeat(random.pick([249, 250, 251, 252, 300]))
    return `k${random.below(6)}`
  }

  #binaryKey(): string {
    const kind = this.random.below(20)
    if (kind === 0) return 'k'.repeat(this.random.pick([250, 251, 300]))
    return kind === 1 ? 'k1 k2' : `k${this.random.below(6)}`
  }

  #retrieval(): string {
    const { random } = this
    const many = random.below(20) === 0 ? 30 + random.below(600) : random.below(4)
    const keys = Array.from({ length: random.below(12) === 0 ? 0 : 1 + many }, () => this.#key())
    const command = random.pick(['get', 'gets', 'gat', 'gats', 'get', 'bget', 'GET'])
    const time = command.startsWith('ga') && random.below(10) > 0 ? [this.#number()] : []
    return [command, ...time, ...keys].join(' ')
  }

  #change(): string {
    const { random } = this
    const command = random.pick(['delete', 'incr', 'decr', 'touch', 'delete', 'incr'])
    const words = [command, this.#key()]
    if (command !== 'delete' || random.below(6) === 0) words.push(this.#number())
    if (random.below(4) === 0) words.push(random.pick(['noreply', 'noreply', 'x', 'noreply x']))
    return words.join(' ')
  }

  #storage(): string {
    const { random } = this
    const command = random.pick(['set', 'set', 'add', 'replace', 'append', 'prepend', 'cas'])
    const block = this.#block()
    const words = [command, this.#key(), this.#number(), this.#number(), this.#length(block)]
    if (command === 'cas' && random.below(8) > 0) words.push(this.#number())
    if (random.below(5) === 0) words.push(random.pick(['noreply', 'noreply', 'x', '']))
    if (random.below(20) === 0) words.push(random.pick(['noreply', 'x', '1']))
    if (random.below(20) === 0) words.splice(random.below(words.length), 1)
    return this.#line(words.join(' ')) + block + this.#blockEnd()
  }

  #meta(): string {
    const { random } = this
    const command = random.pick(['mg', 'ms', 'ms', 'md', 'ma', 'me', 'mx'])
    const flags: string[] = []
    const count = random.below(15) === 0 ? 15 + random.below(12) : random.below(4)
    for (let left = count; left > 0; left--) flags.push(random.pick(META_FLAGS))
    const isBase64 = flags.some((flag) => flag.startsWith('b')) && random.below(4) > 0
    const key = isBase64 ? this.#base64() : this.#key()
    if (command !== 'ms') return this.#line([command, key, ...flags].join(' '))
    const block = this.#block()
    const length = random.below(15) === 0 ? [] : [this.#length(block)]
    return this.#line([command, key, ...length, ...flags].join(' ')) + block + this.#blockEnd()
  }

  #base64(): string {
    const { random } = this
    const text = Buffer.from(this.#key(), 'latin1').toString('base64')
    const kind = random.below(12)
    if (kind === 0) return text.replace(/=+$/, '')
    if (kind === 1) return text.replace(/.(=*)$/, `${random.pick(['x', '9', '-', '_', '='])}$1`)
    if (kind === 2) return `${text}=`
    return text
  }

  #number(): string {
    return this.random.below(4) > 0 ? String(this.random.below(100)) : this.random.pick(NUMBERS)
  }

  #length(block: string): string {
    const kind = this.random.below(16)
    if (kind === 0)
      return this.random.pick(this.isShort ? ['-1', '0', '7'] : [...LENGTHS, ...NUMBERS])
    if (kind === 1) return `${block.length}${this.random.pick(['\t', '\t9', '\r', 'x', '.0'])}`
    if (kind === 2) return `${this.random.pick(['0', '+', '-', '\t'])}${block.length}`
    return String(kind === 3 ? block.length + this.random.below(7) - 3 : block.length)
  }

  #block(): string {
    const kind = this.random.below(5)
    if (kind === 0) return 'get k9'
    if (kind === 1) return 'v\r\nget k9\r\nset k8 0 0 1\r\nx'
    return 'v'.repeat(this.random.below(12))
  }

  #blockEnd(): string {
    return this.random.below(15) === 0
      ? this.random.pick(['\n', '\r', '', '\r\n\r\n', 'x\r\n'])
      : '\r\n'
  }

  #line(text: string): string {
    const { random } = this
    const kind = random.below(25)
    const spaced =
      kind === 0
        ? ` ${text}`
        : kind === 1
          ? text.replaceAll(' ', random.pick(['  ', '\t', ' \t', '   ']))
          : kind === 2
            ? text.replace(' ', ' '.repeat(random.pick([90, 300, 1_900, 2_100, 9_000])))
            : kind === 3
              ? `${' '.repeat(random.pick([50, 101, 310, 2_000]))}${text}`
              : text
    return (
      spaced +
      random.pick(['\r\n', '\r\n', '\r\n', '\r\n', '\n', ' \r\n', '\r\r\n', '\0\r\n', '\0x y\n'])
    )
  }

  #noise(): string {
    return this.random.pick([
      '\r\n',
      '\n',
      ' \r\n',
      '\0\n',
      '\x80',
      '\0',
      ' ',
      'GET / HTTP/1.1\r\n',
      '\r',
    ])
  }

  #damaged(text: string, isBinary: boolean): string {
    const { random } = this
    const at = random.below(text.length + 1)
    // The log has a line's end in a binary key as its own.
    const pieces = ['', '\r', ' ', '\0', '0', '1', '-', '\t', '', '\n', '\r\n', 'get k9\r\n']
    const piece = random.pick(isBinary ? pieces.slice(0, 8) : pieces)
    return text.slice(0, at) + piece + text.slice(at + random.below(3))
  }
}

/** protocol-binary; `off` makes the body's length disagree. */
export function binaryRequest(
  opcode: number,
  key: string,
  extras = '',
  value = '',
  off = 0,
): string {
  const head = Buffer.alloc(24)
  head[0] = 0x80
  head[1] = opcode
  head.writeUInt16BE(key.length, 2)
  head[4] = extras.length
  head.writeUInt32BE(Math.max(0, extras.length + key.length + value.length + off), 8)
  return head.toString('latin1') + extras + key + value
}
