import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { isKnown } from './command-table.js'
import { splitWords } from './inline.js'
import { NumberLine } from './number-line.js'

type Answer = 'yes' | 'no' | 'more'

/** The first command's name, or a short line. */
export const PROBE_OCTETS = 256
const STAR = 0x2a
const DOLLAR = 0x24
/** networking.c lets an unauthenticated client send 10; others send more at once, but no million. */
const ARGUMENTS = 1_048_576
const NAME_OCTETS = 64
const NAME = /^[A-Za-z][A-Za-z0-9._|-]*$/
/** Lines of memcached, HTTP, beanstalkd and mail protocols begin with these too, in this case. */
const SHARED_LOWER = new Set('get set append prepend incr decr touch watch'.split(' '))
const SHARED = new Set('AUTH QUIT TIME TYPE COPY MOVE RESET SAVE SORT LATENCY'.split(' '))
/** Of those, the ones that nobody knows another protocol by at once: what comes behind may tell. */
const SHARED_LATER = new Set('AUTH QUIT TIME TYPE RESET SAVE SORT LATENCY'.split(' '))
/** Words of these lines, which memcached has with more. */
const SHORTER: Readonly<Record<string, number>> = { set: 3, append: 3, incr: 2, decr: 2 }
/** Other protocols have these words with arguments. */
const ALONE = new Set(['PING', 'INFO', 'SYNC', 'SCAN'])
/** HTTP's parser says so at the same octet; a key that ends so is nobody's. */
const HTTP_LINE = / HTTP\/[0-9.]+$/
/** SUBSCRIBE and PUBLISH of SIP (RFC 3261 §7.1): what answers tells. */
const SIP_LINE = / SIP\/2\.0$/
const LINE = /^[\x20-\x7e]*$/
const REPLY = /^(?:\+(?:OK|PONG|QUEUED)\r|[$:*%]-?\d{1,15}\r|-(?:ERR|NOAUTH|NOPERM|WRONG[A-Z]+) )/
/** A server that refuses the connection itself. */
const GREETINGS = [
  '-DENIED Redis is running in protected mode',
  '-ERR max number of clients reached',
]

/** Redis is client-first, but for a server that has no room for the client. */
export function probeRedis({ orig, reply }: Readonly<Record<Dir, Uint8Array>>): Answer {
  if (orig.length === 0) return reply.length === 0 ? 'more' : probeGreeting(reply)
  return orig[0] === STAR ? probeArray(orig) : probeInline(orig, reply)
}

function probeGreeting(reply: Uint8Array): Answer {
  const text = latin1(reply, 0, Math.min(reply.length, 64))
  let answer: Answer = 'no'
  for (const greeting of GREETINGS) {
    if (text.startsWith(greeting)) return 'yes'
    if (greeting.startsWith(text)) answer = 'more'
  }
  return answer
}

/** The framing of a whole command name is what no other protocol begins with. */
function probeArray(orig: Uint8Array): Answer {
  const line = new NumberLine()
  const count = line.read(orig, 1)
  if (count === 'need') return 'more'
  if (count === 'bad' || line.value < 1 || line.value > ARGUMENTS) return 'no'
  const at = line.end
  if (at >= orig.length) return 'more'
  if (orig[at] !== DOLLAR) return 'no'
  const header = line.read(orig, at + 1)
  if (header === 'need') return 'more'
  if (header === 'bad' || line.value < 1 || line.value > NAME_OCTETS) return 'no'
  const { end, value } = line
  const name = latin1(orig, end, end + value)
  if (name !== '' && !NAME.test(name)) return 'no'
  if (orig.length < end + value + 2) return 'more'
  return orig[end + value] === 0x0d && orig[end + value + 1] === 0x0a ? 'yes' : 'no'
}

function probeInline(orig: Uint8Array, reply: Uint8Array): Answer {
  const head = latin1(orig, 0, Math.min(orig.length, PROBE_OCTETS))
  const lineEnd = head.indexOf('\r\n')
  const text = lineEnd < 0 ? head.replace(/\r$/, '') : head.slice(0, lineEnd)
  if (!LINE.test(text) || !/^[A-Za-z]/.test(text)) return 'no'
  const word = text.split(' ', 1)[0] ?? ''
  if (word.length === text.length && lineEnd < 0) return word.length < 24 ? 'more' : 'no'
  if (!isKnown(word) || (lineEnd >= 0 && HTTP_LINE.test(text))) return 'no'
  if (lineEnd < 0) return head.length < PROBE_OCTETS ? 'more' : 'no'
  const words = splitWords(text)
  if (words === null) return 'no'
  if (reply.length > 0) return probeReply(reply)
  if (ALONE.has(word.toUpperCase()) && text !== word) return 'no'
  if (SIP_LINE.test(text)) return 'more'
  if (SHORTER[word] === words.length || !isShared(word)) return 'yes'
  return SHARED_LATER.has(word.toUpperCase()) && isOwn(head.slice(lineEnd + 2)) ? 'yes' : 'more'
}

const isShared = (word: string): boolean => SHARED_LOWER.has(word) || SHARED.has(word.toUpperCase())

/** A line behind the first: of a command that no other protocol has. */
function isOwn(rest: string): boolean {
  const [line] = rest.split('\r\n', 1)
  if (line === undefined || line.length === rest.length || !LINE.test(line)) return false
  const [word = ''] = line.split(' ', 1)
  return isKnown(word) && !isShared(word) && !(ALONE.has(word.toUpperCase()) && line !== word)
}

function probeReply(reply: Uint8Array): Answer {
  const text = latin1(reply, 0, Math.min(reply.length, 24))
  if (REPLY.test(text)) return 'yes'
  return text.length < 18 && /^[-+$:*%]/.test(text) && !text.includes('\n') ? 'more' : 'no'
}
