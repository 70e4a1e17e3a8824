import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { isCommand, isSound, MAGIC_REQUEST, readBinaryHeader } from './binary.js'

type Answer = 'yes' | 'no' | 'more'
type Heads = Readonly<Record<Dir, Uint8Array>>

/** A line with one key of the greatest length. */
export const PROBE_OCTETS = 320
export const FRAME_OCTETS = 8

const KEY = '[\\x21-\\x7e\\x80-\\xff]{1,250}'
const NUMBER = '\\d{1,20}'
/** Whole lines. Words that other line protocols begin with as well are no evidence alone. */
const LINES = [
  `gets?(?: ${KEY})+ ?`,
  `gats? -?${NUMBER}(?: ${KEY})+ ?`,
  `(?:set|add|replace|append|prepend) ${KEY} ${NUMBER} -?${NUMBER} ${NUMBER}(?: noreply)?`,
  `cas ${KEY} ${NUMBER} -?${NUMBER} ${NUMBER} ${NUMBER}(?: noreply)?`,
  `(?:incr|decr) ${KEY} ${NUMBER}(?: noreply)?`,
  `touch ${KEY} -?${NUMBER}(?: noreply)?`,
  `delete ${KEY}(?: 0)?(?: noreply)?`,
  'stats(?: (?:items|slabs|sizes|settings|conns|reset|detail|cachedump|extstore|proxy)(?: .*)?)?',
  `flush_all(?: ${NUMBER})?(?: noreply)?`,
  'version',
  `(?:verbosity|cache_memlimit) ${NUMBER}(?: noreply)?`,
  'watch(?: (?:fetchers|mutations|evictions|connevents|proxyreqs|proxyevents|proxyuser|deletions))*',
  '(?:lru_crawler|slabs|lru) [a-z_]+(?: .*)?',
  'mn',
  `(?:mg|md|ma|me) ${KEY}(?: [A-Za-z]\\S*)*`,
  `ms ${KEY} ${NUMBER}(?: [A-Za-z]\\S*)*`,
]
const LINE = new RegExp(`^(?:${LINES.join('|')})$`)
const RETRIEVAL = new RegExp(`^(?:gets?|gats? -?${NUMBER}) ${KEY} `)
const WORDS =
  `get gets gat gats set add replace append prepend cas incr decr touch delete stats flush_all version verbosity
  cache_memlimit watch lru_crawler slabs lru mn mg md ma me ms`.split(/\s+/)
const REPLY =
  /^(?:VALUE |END|STAT |STORED|NOT_|EXISTS|DELETED|TOUCHED|OK|RESET|VERSION |(?:CLIENT_|SERVER_)?ERROR|HD|VA |EN|NS|EX|NF|MN|ME |\d+\r)/

// biome-ignore lint/suspicious/noControlCharactersInRegex: what no line has
const UNPRINTABLE = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/

/** memcached is client-first. */
export function probeTcp({ orig, reply }: Heads): Answer {
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  if (orig[0] === MAGIC_REQUEST) return probeBinary(orig, false)
  if (reply.length >= 12 && !REPLY.test(latin1(reply, 0, 16))) return 'no'
  return probeText(latin1(orig, 0, Math.min(orig.length, PROBE_OCTETS)))
}

/** The frame of a request: one datagram, which is the first (protocol.txt, "UDP protocol"). */
export function probeUdp({ orig }: Heads): Answer {
  const reader = new Reader(orig)
  reader.skip(2)
  const [sequence, total, reserved] = [reader.u16be(), reader.u16be(), reader.u16be()]
  if (reader.short || sequence !== 0 || total !== 1 || reserved !== 0) return 'no'
  const body = orig.subarray(FRAME_OCTETS)
  if (body[0] === MAGIC_REQUEST) return probeBinary(body, true) === 'yes' ? 'yes' : 'no'
  return probeText(latin1(body, 0, Math.min(body.length, PROBE_OCTETS))) === 'yes' ? 'yes' : 'no'
}

function probeText(head: string): Answer {
  const lineEnd = head.indexOf('\n')
  const line = lineEnd < 0 ? head : head.slice(0, lineEnd)
  if (UNPRINTABLE.test(line)) return 'no'
  if (lineEnd >= 0) return LINE.test(line.replace(/\r$/, '').replace(/ +/g, ' ')) ? 'yes' : 'no'
  const word = head.split(/[ \r]/, 1)[0] ?? ''
  const isWhole = word.length < head.length
  if (!WORDS.some((known) => (isWhole ? known === word : known.startsWith(word)))) return 'no'
  if (RETRIEVAL.test(head) && head.length > PROBE_OCTETS - 2) return 'yes'
  return head.length >= PROBE_OCTETS ? 'no' : 'more'
}

/** Couchbase speaks it too, with more opcodes. */
function probeBinary(octets: Uint8Array, isDatagram: boolean): Answer {
  const header = readBinaryHeader(octets)
  if (header === null) {
    const [, opcode = 0] = octets
    return isCommand(opcode) && !isDatagram ? 'more' : 'no'
  }
  // Data type is raw, and the vbucket of a request is reserved.
  const isPlain = octets[5] === 0 && header.status === 0 && isCommand(header.opcode)
  if (!isPlain || !isSound(header) || header.extrasOctets > 20) return 'no'
  return fits(header.opcode, header.keyOctets, header.bodyOctets) ? 'yes' : 'no'
}

/** Whether the opcode's request has these parts. */
function fits(opcode: number, keyOctets: number, bodyOctets: number): boolean {
  const hasKey = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 14, 15, 0x1c, 0x1d, 0x1e, 0x21, 0x22]
  if (hasKey.includes(opcode)) return keyOctets > 0
  const isEmpty = [0x07, 0x0a, 0x0b, 0x17, 0x20].includes(opcode)
  return !isEmpty || bodyOctets === 0
}
