import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { CLASS_IN, Opcode } from './code.js'
import { HEADER_OCTETS, type Header, parseMessage, readHeader } from './message.js'

type Answer = 'yes' | 'no' | 'more'
type Heads = Readonly<Record<Dir, Uint8Array>>

/** dnsmasq answers names beyond RFC 1035's 255 octets: its buffer for their text takes so many. */
const LONGEST_NAME = 1_025
/** The header and one question with the longest name. */
const FIRST_QUESTION_OCTETS = HEADER_OCTETS + LONGEST_NAME + 4
const SHORTEST_QUERY = HEADER_OCTETS + 5
export const LENGTH_OCTETS = 2
/** Over TCP servers go on behind a message that they can't read: so many may be before the first query. */
const PASSED_OVER = 3
export const PROBE_OCTETS = (PASSED_OVER + 1) * (LENGTH_OCTETS + FIRST_QUESTION_OCTETS)
/**
 * More than a real query has, few enough that other protocols' octets are not taken for counts. One question in
 * class IN is answered whatever the records' counts, the reserved bit and the response code say; by dnsmasq over TCP
 * even where it calls itself a response.
 */
const QUESTIONS = 16
const RECORDS = 32
const POINTER = 0xc0
const LABEL_OCTETS = 63
const RESPONSE = 0x80
/** IN, CH, HS, NONE, ANY (RFC 6895 §3.2). */
const CLASSES = new Set([1, 3, 4, 254, 255])
/** Of a question asked by multicast, the top bit asks for an answer to its sender alone (RFC 6762 §5.4). */
const UNICAST_ANSWER = 0x8000
/** The length of an encoded name, its letters, its end; then NB or NBSTAT (RFC 1002 §4.1, §4.2.1.2). */
const NETBIOS_NAME = /^ [A-P]{32}\0\0[ !]/
const NETBIOS_NAME_OCTETS = 36

/** What else runs on port 53 is not DNS, and DNS elsewhere is: the port says nothing. */
export function probeUdp({ orig }: Heads): Answer {
  if (isNetbios(orig)) return 'no'
  if (((orig[2] ?? 0) & RESPONSE) !== 0) return isResponse(orig) ? 'yes' : 'no'
  return probeQuery(orig, orig.length) === 'yes' ? 'yes' : 'no'
}

/** In DNS's own format, and nothing that a resolver is asked for. */
function isNetbios(octets: Uint8Array): boolean {
  const end = HEADER_OCTETS + NETBIOS_NAME_OCTETS
  return octets.length >= end && NETBIOS_NAME.test(latin1(octets, HEADER_OCTETS, end))
}

/** What answers a multicast comes of another address than was asked (RFC 6762 §6, RFC 4795 §2.5). */
function isResponse(octets: Uint8Array): boolean {
  const message = parseMessage(octets)
  if (message === null) return false
  const { response, opcode, questions, answers } = message.header
  return response && opcode === Opcode.query && questions + answers > 0
}

export function probeTcp({ orig, reply }: Heads): Answer {
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  const answer = probeStream(orig)
  return answer === 'more' && !mayRespond(reply) ? 'no' : answer
}

function probeStream(orig: Uint8Array): Answer {
  let at = 0
  for (let passed = 0; passed <= PASSED_OVER; passed++) {
    if (orig.length < at + LENGTH_OCTETS) return 'more'
    const octets = new Reader(orig, at).u16be()
    at += LENGTH_OCTETS
    const message = orig.subarray(at, at + octets)
    if (!hasQuestions(message)) return 'no'
    const answer = probeQuery(message, octets)
    if (answer !== 'no') return answer
    if (octets > 0 && !isPassedOver(message, octets)) return 'no'
    at += octets
  }
  return 'no'
}

/** A header that is a query's but for some bits, and a question that nobody asks. */
function isPassedOver(message: Uint8Array, octets: number): boolean {
  if (octets < SHORTEST_QUERY || octets > FIRST_QUESTION_OCTETS) return false
  const header = headerSoFar(message)
  return header !== null && recordsOf(header) <= RECORDS
}

function mayRespond(reply: Uint8Array): boolean {
  const flags = reply[LENGTH_OCTETS + 2]
  return flags === undefined || (flags & RESPONSE) !== 0
}

/** `octets` = the whole message's length; what follows the first question is the strict parser's matter. */
function probeQuery(message: Uint8Array, octets: number): Answer {
  if (octets < SHORTEST_QUERY) return 'no'
  // Octets that are not there yet count as good ones: a wrong one says no as soon as it comes.
  const header = headerSoFar(message)
  if (header === null || !isKnown(header) || !hasQuestions(message)) return 'no'
  if (message.length < HEADER_OCTETS) return 'more'
  const reader = new Reader(message, HEADER_OCTETS)
  if (!skipName(reader)) return 'no'
  reader.skip(2)
  const askedClass = reader.u16be()
  if (reader.short) return message.length < Math.min(octets, FIRST_QUESTION_OCTETS) ? 'more' : 'no'
  const isUsual =
    !header.response && !header.reserved && header.rcode === 0 && recordsOf(header) <= RECORDS
  // Of the root nobody learns anything.
  const isOfRoot = message[HEADER_OCTETS] === 0
  if (header.questions === 1 && askedClass === CLASS_IN && (isUsual || !isOfRoot)) return 'yes'
  return isUsual && CLASSES.has(askedClass & ~UNICAST_ANSWER) ? 'yes' : 'no'
}

/**
 * False = no server reads a name here. Where a pointer leads is not looked at: to names that `readName` refuses,
 * in the header or beyond 255 octets, there are servers that answer.
 */
function skipName(reader: Reader): boolean {
  const begin = reader.at
  for (;;) {
    const length = reader.u8()
    if (reader.short || length === 0) return true
    if (length >= POINTER) {
      reader.skip(1)
      return true
    }
    if (length > LABEL_OCTETS || reader.at + length - begin > LONGEST_NAME) return false
    reader.skip(length)
  }
}

function headerSoFar(message: Uint8Array): Header | null {
  const filled = new Uint8Array(HEADER_OCTETS)
  filled.set(message.subarray(0, HEADER_OCTETS))
  return readHeader(new Reader(filled))
}

const isKnown = ({ opcode }: Header): boolean =>
  opcode === Opcode.query || opcode === Opcode.notify || opcode === Opcode.update

const QUESTIONS_AT = 4
/** Of octets that are none it is the first that tells: asked before any of the header is read. */
function hasQuestions(message: Uint8Array): boolean {
  const [high, low] = [message[QUESTIONS_AT] ?? 0, message[QUESTIONS_AT + 1]]
  return high === 0 && (low === undefined || (low > 0 && low <= QUESTIONS))
}

const recordsOf = ({ answers, authorities, additionals }: Header): number =>
  answers + authorities + additionals
