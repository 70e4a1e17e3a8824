/** Command lines of memcached's classic text protocol and of its meta commands (protocol.txt). */
import type { Fields } from '../../../core/inspect/contract.js'

/** KEY_MAX_LENGTH: the server refuses longer ones. */
const KEY_OCTETS = 250
/** Words that every server reads as this number: strtoul(3) takes signs and stops at blanks, releases differ beyond the type. */
const NUMBER = /^\d{1,20}$/
const SIGNED = /^-?\d{1,10}$/
const UINT32 = 0xffff_ffff
const INT32 = 0x7fff_ffff
const UINT64 = 0xffff_ffff_ffff_ffffn
/** 1.6.18 refuses `ms` with more, and reads its block as lines. */
const META_FLAGS = 16
/** item_size_max can be 1 GiB; a length that the server refuses would leave the block as commands. */
const BLOCK_OCTETS = 0x4000_0000
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const UNTOLD: readonly string[] = ['keys']

/** How the server answers: one line; lines up to END; nothing; log lines for ever. */
export type Replies = 'line' | 'to end' | 'none' | 'quiet' | 'noop' | 'log'

export type LineRead =
  | {
      readonly kind: 'command'
      readonly fields: Fields
      readonly replies: Replies
      /** Octets of the data block, its line end not counted; null = there is none. */
      readonly block: number | null
    }
  | { readonly kind: 'malformed'; readonly clause: string }

const STORAGE = new Set(['set', 'add', 'replace', 'append', 'prepend'])
const META = new Set(['mg', 'ms', 'md', 'ma', 'me'])
/** Commands about no key. */
const KEYLESS = new Set(
  `stats flush_all version verbosity quit shutdown slabs lru lru_crawler watch cache_memlimit refresh_certs extstore
   misbehave mn`.split(/\s+/),
)
const TO_END = new Set(['get', 'gets', 'gat', 'gats', 'stats'])
/** Beside those that store. */
const CAN_BE_SILENT = new Set(
  'delete incr decr touch flush_all verbosity cache_memlimit slabs lru_crawler lru'.split(' '),
)

const malformed = (what: string): LineRead => ({
  kind: 'malformed',
  clause: `memcached protocol.txt ${what}`,
})

/** `line` without its end. Words are parted by spaces alone, as by the server. */
export function readLine(line: string): LineRead {
  // The server's line ends there, but not for others.
  if (line.includes('\0')) return malformed('NUL')
  const words = wordsOf(line)
  const [command = ''] = words
  if (STORAGE.has(command)) return readStorage(words, 5)
  if (command === 'cas') return readStorage(words, 6)
  if (META.has(command)) return readMeta(words)
  const keys = keysOf(words)
  const tooLong = keys?.some((key) => key.length > KEY_OCTETS)
  if (tooLong === true) return malformed('key length')
  const fields: Fields =
    keys === null ? { command, keys: [], ambiguous: UNTOLD } : { command, keys }
  return { kind: 'command', fields, replies: repliesOf(words), block: null }
}

/** `bget` is an old word for get. */
function wordsOf(line: string): string[] {
  const words = line.split(' ').filter((word) => word !== '')
  if (words[0] === 'bget') words[0] = 'get'
  return words
}

/** null = a command that nobody documents: what it touches can't be told. */
function keysOf(words: readonly string[]): readonly string[] | null {
  const [command = ''] = words
  if (command === 'get' || command === 'gets') return words.slice(1)
  if (command === 'gat' || command === 'gats') return words.slice(2)
  if (['delete', 'incr', 'decr', 'touch'].includes(command)) return words.slice(1, 2)
  return KEYLESS.has(command) ? [] : null
}

function repliesOf(words: readonly string[]): Replies {
  const [command = '', second = ''] = words
  const isSilent = words.at(-1) === 'noreply' && CAN_BE_SILENT.has(command)
  if (command === 'quit' || isSilent) return 'none'
  if (command === 'watch') return 'log'
  if (command === 'mn') return 'noop'
  if (command === 'lru_crawler') return /dump$/.test(second) ? 'to end' : 'line'
  return TO_END.has(command) ? 'to end' : 'line'
}

/** command key flags exptime bytes [cas unique] [noreply]: a server that refuses the line reads the block as lines. */
function readStorage(words: readonly string[], count: number): LineRead {
  const [command = '', key = '', flags = '', exptime = '', bytes = ''] = words
  if (words.length !== count && words.length !== count + 1) return malformed('storage command')
  if (key.length > KEY_OCTETS) return malformed('key length')
  if (!isFlags(flags) || !isTime(exptime)) return malformed('flags or exptime')
  if (count === 6 && !isUnique(words[5] ?? '')) return malformed('cas unique')
  const block = blockOctets(bytes)
  if (block === null) return malformed('bytes')
  const isSilent = words.length > count && words.at(-1) === 'noreply'
  const replies = isSilent ? 'none' : 'line'
  return { kind: 'command', fields: { command, keys: [key] }, replies, block }
}

const isFlags = (text: string): boolean => NUMBER.test(text) && Number(text) <= UINT32
const isTime = (text: string): boolean => SIGNED.test(text) && Math.abs(Number(text)) <= INT32
const isUnique = (text: string): boolean => NUMBER.test(text) && BigInt(text) <= UINT64

/** mg|md|ma|me key flags*, ms key datalen flags*. A flag q silences the usual outcome, b makes the key base64: its first letter counts. */
function readMeta(words: readonly string[]): LineRead {
  const [command = '', text = '', datalen = ''] = words
  if (text === '' || text.length > KEY_OCTETS) return malformed('key length')
  const flags = words.slice(command === 'ms' ? 3 : 2)
  const block = command === 'ms' ? blockOctets(datalen) : null
  if (command === 'ms' && block === null) return malformed('datalen')
  if (flags.length > META_FLAGS) return malformed('flags')
  const has = (letter: string) => flags.some((flag) => flag.startsWith(letter))
  const key = has('b') ? fromBase64(text) : text
  if (key === null) return malformed('base64 key')
  const replies = has('q') ? 'quiet' : 'line'
  // Releases differ in whether they decode it for `me`.
  const fields: Fields =
    command === 'me' && has('b')
      ? { command, keys: [], ambiguous: UNTOLD }
      : { command, keys: [key] }
  return { kind: 'command', fields, replies, block }
}

function blockOctets(text: string): number | null {
  const octets = /^\d{1,10}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
  return octets <= BLOCK_OCTETS ? octets : null
}

const fromBase64 = (text: string): string | null =>
  BASE64.test(text) ? Buffer.from(text, 'base64').toString('latin1') : null

/** A retrieval whose line is longer than what is read of it. */
export function readLongLine(line: string): LineRead {
  const [command = ''] = wordsOf(line)
  if (!/^g[ae]ts?$/.test(command)) return malformed('line length')
  const fields = { command, keys: [], ambiguous: UNTOLD }
  return { kind: 'command', fields, replies: 'to end', block: null }
}
