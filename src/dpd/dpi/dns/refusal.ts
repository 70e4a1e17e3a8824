import { fromLatin1 } from '../../../core/bytes.js'
import { RCODE_REFUSED, RRType } from './code.js'
import { HEADER_OCTETS, type Message } from './message.js'

/** Longer question sections are not kept: no real query has them. */
const QUESTION_OCTETS = 512
/** Extended DNS Error "Blocked" (RFC 8914 §4.16). */
const EDE_OPTION = 15
const EDE_BLOCKED = 15
const EDE_TEXT = 'network policy'
/** What any path carries unfragmented (RFC 9715 §3). */
const EDNS_OCTETS = 1_232

/** What of a query its refusal repeats. */
export interface Asked {
  readonly id: number
  readonly opcode: number
  readonly recursionDesired: boolean
  readonly questions: number
  /** As sent: resolvers check the case of each letter. */
  readonly questionOctets: Uint8Array
  readonly edns: boolean
}

export function askedOf(octets: Uint8Array, message: Message): Asked {
  const { id, opcode, recursionDesired, questions } = message.header
  const kept = message.questionsEnd - HEADER_OCTETS <= QUESTION_OCTETS
  return {
    id,
    opcode,
    recursionDesired,
    questions: kept ? questions : 0,
    questionOctets: octets.slice(HEADER_OCTETS, kept ? message.questionsEnd : HEADER_OCTETS),
    edns: message.edns,
  }
}

/** REFUSED, the question repeated, and to who speaks EDNS the reason (RFC 1035 §4.1.1, RFC 6891 §7). */
export function refused(asked: Asked): Uint8Array {
  const flags =
    0x8000 | (asked.opcode << 11) | (asked.recursionDesired ? 0x0100 : 0) | RCODE_REFUSED
  const head = [asked.id, flags, asked.questions, 0, 0, asked.edns ? 1 : 0].flatMap(be16)
  const opt = asked.edns ? optRecord() : []
  return Uint8Array.from([...head, ...asked.questionOctets, ...opt])
}

function optRecord(): number[] {
  const text = [...fromLatin1(EDE_TEXT)]
  const option = [...be16(EDE_OPTION), ...be16(2 + text.length), ...be16(EDE_BLOCKED), ...text]
  const ttl = [0, 0, 0, 0]
  return [0, ...be16(RRType.opt), ...be16(EDNS_OCTETS), ...ttl, ...be16(option.length), ...option]
}

const be16 = (value: number): number[] => [value >> 8, value & 0xff]
