import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { anyOf } from '../begins.js'
import { isCommand, isSound, isTaken, MAGIC_REQUEST, readBinaryHeader } from './binary.js'

type Answer = 'yes' | 'no' | 'more'
type Heads = Readonly<Record<Dir, Uint8Array>>

/** The server reads 2048 octets for a line's end; of what is behind its blanks a line with one key of the greatest length. */
export const PROBE_OCTETS = 2_400
const LINE_OCTETS = 320
export const FRAME_OCTETS = 8

/** As the server reads words and numbers: what it only nearly takes is the parser's to call malformed. */
const KEY = '[^ ]+'
const NUMBER = '[\\t-\\r]*[+-]?\\d[^ ]*'
const MORE = '(?: .*)?'
/** Whole lines, one blank between words. Words that other line protocols begin with as well are no evidence alone. */
const LINES = [
  `get(?: ${KEY})+`,
  `(?:gets|bget|gats?|replace|prepend|cas)${MORE}`,
  'ms .+',
  `(?:set|add|append) ${KEY} ${NUMBER} ${NUMBER} ${NUMBER}${MORE}`,
  `(?:incr|decr) ${KEY} ${NUMBER}${MORE}`,
  `touch ${KEY} ${NUMBER}${MORE}`,
  `delete ${KEY}(?: ${NUMBER})?(?: noreply)?`,
  'stats(?: (?:items|slabs|sizes|settings|conns|reset|detail|cachedump|extstore|proxy)(?: .*)?)?',
  `flush_all${MORE}`,
  `version${MORE}`,
  `(?:verbosity|cache_memlimit)${MORE}`,
  'watch(?: (?:fetchers|mutations|evictions|connevents|proxyreqs|proxyevents|proxyuser|deletions))*',
  `(?:lru_crawler|slabs|lru) [a-z_]+${MORE}`,
  `mn${MORE}`,
  `(?:mg|md|ma|me) ${KEY}${MORE}`,
]
const LINE = new RegExp(`^(?:${LINES.join('|')})$`, 's')
/** A line of these may be long. */
const RETRIEVAL = new RegExp(`^(?:b?gets?|gats?) ${KEY} `)
const STORAGE = new RegExp(`^(?:set|add|replace|append|prepend|cas|ms) ${KEY} ${NUMBER} `)
const WORDS =
  `get gets bget gat gats set add replace append prepend cas incr decr touch delete stats flush_all version verbosity
  cache_memlimit watch lru_crawler slabs lru mn mg md ma me ms`.split(/\s+/)
/** Of a request, of blanks before a line, of a word. */
export const FIRST_OCTETS = anyOf(`\x80 \r\n${WORDS.map(([initial]) => initial).join('')}`)
const REPLY =
  /^(?:VALUE |END|STAT |STORED|NOT_|EXISTS|DELETED|TOUCHED|OK|RESET|VERSION |(?:CLIENT_|SERVER_)?ERROR|HD|VA |EN|NS|EX|NF|MN|ME |\d+\r)/

/** memcached is client-first. */
export function probeTcp({ orig, reply }: Heads): Answer {
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  if (orig[0] === MAGIC_REQUEST) return probeBinary(orig, false)
  if (reply.length >= 12 && !REPLY.test(latin1(reply, 0, 16))) return 'no'
  return probeText(orig)
}

/** The frame of a request: one datagram (protocol.txt, "UDP protocol"). Of the rest of it the server reads nothing. */
export function probeUdp({ orig }: Heads): Answer {
  const reader = new Reader(orig)
  reader.skip(4)
  const total = reader.u16be()
  reader.skip(2)
  if (reader.short || total !== 1) return 'no'
  const body = orig.subarray(FRAME_OCTETS)
  if (body[0] === MAGIC_REQUEST) return probeBinary(body, true) === 'yes' ? 'yes' : 'no'
  return probeText(body) === 'yes' ? 'yes' : 'no'
}

/** Empty lines, which the server answers with ERROR, and what it leaves out before a word. */
const BLANKS = /^[ \r\n]+/

function probeText(octets: Uint8Array): Answer {
  const head = latin1(octets)
  const text = head.replace(BLANKS, '')
  // So many are sent by nobody else.
  if (head.length - text.length >= PROBE_OCTETS) return 'yes'
  if (text === '') return 'more'
  const lineEnd = text.slice(0, PROBE_OCTETS).indexOf('\n')
  if (lineEnd >= 0) return probeLine(text.slice(0, lineEnd).replace(/\r$/, ''))
  return probeBeginning(text.slice(0, PROBE_OCTETS).replace(/ +/g, ' '), text.length)
}

/** The server's line ends at a NUL. */
function probeLine(text: string): Answer {
  const line = (text.split('\0', 1)[0] ?? '').replace(/ +/g, ' ').replace(/ $/, '')
  return LINE.test(line) ? 'yes' : 'no'
}

/** A line whose end is not there. */
function probeBeginning(head: string, octets: number): Answer {
  if (head.includes('\0')) return probeLine(head)
  const word = head.split(' ', 1)[0] ?? ''
  const isWhole = word.length < head.length
  const name = word.replace(/\r.*$/s, '')
  if (!WORDS.some((known) => (isWhole ? known === word : known.startsWith(name)))) return 'no'
  if (head.length > LINE_OCTETS && RETRIEVAL.test(head)) return 'yes'
  if (octets < PROBE_OCTETS) return 'more'
  // What is so long and nothing but blanks is a line too.
  return head.length <= LINE_OCTETS || STORAGE.test(head) ? 'yes' : 'no'
}

/** Couchbase speaks it too, with more opcodes. */
function probeBinary(octets: Uint8Array, isDatagram: boolean): Answer {
  const header = readBinaryHeader(octets)
  if (header === null) {
    const [, opcode = 0] = octets
    return isCommand(opcode) && !isDatagram ? 'more' : 'no'
  }
  return isCommand(header.opcode) && isSound(header) && isTaken(header) ? 'yes' : 'no'
}
