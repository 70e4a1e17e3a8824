/** Commands for Redis from a seed, in the framings that a server takes or nearly takes. */
import type { Random } from '../../../fuzz/random.js'

const COMMANDS = (
  'GET SET DEL MGET MSET EXISTS RENAME COPY SORT SORT_RO XREAD XREADGROUP XADD ZUNIONSTORE ZINTER ZDIFFSTORE ZUNION ' +
  'ZINTERCARD ZADD ZRANGESTORE BITOP BITCOUNT EVAL EVAL_RO EVALSHA FCALL OBJECT MEMORY XINFO XGROUP GEORADIUS GEORADIUSBYMEMBER ' +
  'GEOSEARCHSTORE GEOADD LMPOP BLMPOP ZMPOP BZMPOP BLPOP BRPOP BLMOVE LMOVE SMOVE SINTERSTORE SINTERCARD SUNION PFMERGE PFCOUNT PFADD ' +
  'TOUCH UNLINK WATCH MULTI EXEC DISCARD PING ECHO SELECT CLIENT LCS HSET HGETALL HRANDFIELD EXPIRE MIGRATE DUMP RESTORE ' +
  'APPEND INCR LPUSH RPOPLPUSH SADD SPOP TYPE STRLEN SUBSTR GETEX GETSET SETEX MSETNX MOVE LPOS ZREVRANGE ZRANGE PUBLISH'
).split(' ')
const OPTIONS = (
  'STORE STOREDIST KEYS BY GET LIMIT STREAMS COUNT BLOCK GROUP NOACK WITHSCORES WEIGHTS AGGREGATE SUM AUTH AUTH2 REPLACE DB ' +
  'ALPHA DESC MIN MAX LEFT RIGHT FREQ ENCODING USAGE STREAM GROUPS CREATE SETID HELP XX NX EX FROMMEMBER BYRADIUS m ID LEN IDX AND NOT'
).split(' ')
const VALUES = [
  '0',
  '1',
  '2',
  '3',
  '-1',
  '01',
  '$',
  '>',
  '*',
  'x_*',
  '#',
  'return 1',
  "return redis.call('get','k9')",
  '',
  ' ',
  '"',
  "'",
  '\\x6b',
  '\r\n',
  '\0',
  '\xff',
  '+1',
]

/** For others, or for another server. */
const WAITS = /^(?:BL|BR|BZ|XREAD|MIGRATE|MONITOR)/i

export class RedisOctets {
  constructor(readonly random: Random) {}

  #cased(word: string): string {
    const kind = this.random.below(4)
    return kind === 0
      ? word.toLowerCase()
      : kind === 1
        ? (word[0] ?? '') + word.slice(1).toLowerCase()
        : word
  }

  args(): string[] {
    const { random } = this
    const args = [this.#cased(random.pick(COMMANDS))]
    for (let left = random.below(8); left > 0; left--) {
      const kind = random.below(10)
      if (kind < 5) args.push(`k${random.below(6)}`)
      else args.push(kind < 7 ? this.#cased(random.pick(OPTIONS)) : random.pick(VALUES))
    }
    return args
  }

  framed(args: readonly string[]): string {
    return this.random.below(3) > 0 ? array(args) : this.#inline(args)
  }

  #inline(args: readonly string[]): string {
    const blanks = [' ', '  ', '\t', ' \v', '\f', '\r ']
    const words = args.map((word) => this.#quoted(word))
    const start = this.random.below(10) === 0 ? this.random.pick(blanks) : ''
    return (
      start +
      words.join(this.random.pick(blanks)) +
      this.random.pick(['\r\n', '\r\n', '\n', ' \r\n', '\r\r\n'])
    )
  }

  #quoted(word: string): string {
    const plain = /^[^\s"'\0]+$/.test(word)
    const kind = this.random.below(plain ? 6 : 2)
    const hex = (text: string) =>
      [...text].map((c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`).join('')
    if (kind === 0) return `"${hex(word)}"`
    if (kind === 1)
      return `"${word.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\0', '\\x00')}"`
    if (kind === 2) return `'${word}'`
    if (kind === 3) return `${word.slice(0, 1)}"${word.slice(1)}"`
    return word
  }

  /** A pipeline, some of it damaged. */
  octets(): string {
    const { random } = this
    let text = ''
    for (let left = 1 + random.below(4); left > 0; left--) {
      text += random.pick(['', '', '', '', '\r\n', '\n', '*0\r\n', '*-1\r\n', ' \r\n', '\0\n'])
      const args = this.args()
      if (!WAITS.test(args[0] ?? '')) text += this.framed(args)
    }
    return random.below(3) === 0 ? this.#damaged(text) : text
  }

  #damaged(text: string): string {
    const { random } = this
    const at = random.below(text.length + 1)
    const pieces = [
      '\r',
      '\n',
      '\r\n',
      '0',
      '-',
      '+',
      ' ',
      '$',
      '*',
      '"',
      "'",
      '\\',
      '\0',
      '1',
      '*1\r\n$4\r\nPING\r\n',
    ]
    return (
      text.slice(0, at) +
      (random.below(3) === 0 ? '' : random.pick(pieces)) +
      text.slice(at + random.below(3))
    )
  }
}

export const array = (args: readonly string[]): string =>
  `*${args.length}\r\n${args.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
