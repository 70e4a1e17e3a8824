import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { Opcode } from './code.js'
import { HEADER_OCTETS, parseMessage, readHeader, readQuestions } from './message.js'

type Answer = 'yes' | 'no' | 'more'
type Heads = Readonly<Record<Dir, Uint8Array>>

/** The header and one question with the longest name (RFC 1035 §3.1). */
const FIRST_QUESTION_OCTETS = HEADER_OCTETS + 255 + 4
const SHORTEST_QUERY = HEADER_OCTETS + 5
export const LENGTH_OCTETS = 2
export const PROBE_OCTETS = LENGTH_OCTETS + FIRST_QUESTION_OCTETS
/** More than a real query has, few enough that other protocols' octets are not taken for counts. */
const QUESTIONS = 16
const RECORDS = 32
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
  return probeQuery(orig, orig.length) === 'yes' || isResponse(orig) ? 'yes' : 'no'
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
  if (orig.length < LENGTH_OCTETS) return 'more'
  const octets = new Reader(orig).u16be()
  return probeQuery(orig.subarray(LENGTH_OCTETS, LENGTH_OCTETS + octets), octets)
}

/** `octets` = the whole message's length; what follows the first question is the strict parser's matter. */
function probeQuery(message: Uint8Array, octets: number): Answer {
  if (octets < SHORTEST_QUERY) return 'no'
  // Octets that are not there yet count as good ones: a wrong one says no as soon as it comes.
  if (!plausibleHeader(message)) return 'no'
  if (message.length < HEADER_OCTETS) return 'more'
  const reader = new Reader(message, HEADER_OCTETS)
  const [question] = readQuestions(message, reader, 1) ?? []
  if (question !== undefined) return CLASSES.has(question.class & ~UNICAST_ANSWER) ? 'yes' : 'no'
  return message.length < Math.min(octets, FIRST_QUESTION_OCTETS) ? 'more' : 'no'
}

function plausibleHeader(message: Uint8Array): boolean {
  const filled = new Uint8Array(HEADER_OCTETS)
  filled.set(message.subarray(0, HEADER_OCTETS))
  const header = readHeader(new Reader(filled))
  if (header === null) return false
  const { response, reserved, rcode, opcode, questions } = header
  const known = opcode === Opcode.query || opcode === Opcode.notify || opcode === Opcode.update
  if (response || reserved || rcode !== 0 || !known) return false
  if (questions > QUESTIONS || (questions === 0 && message.length >= 6)) return false
  return header.answers + header.authorities + header.additionals <= RECORDS
}
