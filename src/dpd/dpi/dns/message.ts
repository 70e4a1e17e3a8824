/** A DNS message (RFC 1035 §4, RFC 6891). */
import { Reader } from '../../../core/bytes.js'
import { RRType } from './code.js'
import { readName } from './name.js'
import { rdataText } from './rdata.js'
import { readService, type Service, serviceText } from './service.js'

export const HEADER_OCTETS = 12
/** A question's name, type and class take at least this; so do the counts' lies end. */
const QUESTION_OCTETS = 5
const RECORD_OCTETS = 11
/** RFC 9619 leaves one; what some still send is judged name by name. */
const QUESTIONS = 4

export interface Header {
  readonly id: number
  readonly response: boolean
  readonly opcode: number
  readonly truncated: boolean
  readonly recursionDesired: boolean
  /** The reserved bit of RFC 1035 §4.1.1 that no RFC has used since. */
  readonly reserved: boolean
  readonly rcode: number
  readonly questions: number
  readonly answers: number
  readonly authorities: number
  readonly additionals: number
}

export interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

export interface Answer {
  /** Its owner. */
  readonly name: string
  readonly type: number
  readonly class: number
  readonly text: string
  readonly ttlSeconds: number
  /** Of SVCB and HTTPS. */
  readonly service?: Service
}

export interface Message {
  readonly header: Header
  readonly questions: readonly Question[]
  /** One past the question section. */
  readonly questionsEnd: number
  readonly answers: readonly Answer[]
  /** Highest first: of the OPT record (RFC 6891 §6.1.3); 0 without one. */
  readonly extendedRcode: number
  readonly edns: boolean
}

export function readHeader(reader: Reader): Header | null {
  const id = reader.u16be()
  const flags = reader.u16be()
  const header = {
    id,
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    reserved: (flags & 0x0040) !== 0,
    rcode: flags & 0xf,
    questions: reader.u16be(),
    answers: reader.u16be(),
    authorities: reader.u16be(),
    additionals: reader.u16be(),
  }
  return reader.short ? null : header
}

/** null = malformed: every section must be whole and the last must end the message. */
export function parseMessage(octets: Uint8Array): Message | null {
  const reader = new Reader(octets)
  const header = readHeader(reader)
  if (header === null || header.questions > QUESTIONS) return null
  const { answers, authorities, additionals } = header
  const records = answers + authorities + additionals
  if (header.questions * QUESTION_OCTETS + records * RECORD_OCTETS > reader.left) return null
  const questions = readQuestions(octets, reader, header.questions)
  if (questions === null) return null
  const questionsEnd = reader.at
  const found: Answer[] = []
  let edns: Answer | null = null
  for (let index = 0; index < records; index++) {
    // An UPDATE's prerequisites stand where answers do and may be empty (RFC 2136 §2.4).
    const resource = readResource(octets, reader, header.response && index < answers)
    if (resource === null) return null
    if (resource.type === RRType.opt) {
      // At most one (RFC 6891 §6.1.1), and an additional record.
      if (edns !== null || index < answers + authorities) return null
      edns = resource
    } else if (header.response && index < answers) {
      found.push(resource)
    }
  }
  if (reader.left > 0) return null
  const extendedRcode = edns === null ? 0 : Math.floor(edns.ttlSeconds / 2 ** 24)
  return { header, questions, questionsEnd, answers: found, extendedRcode, edns: edns !== null }
}

export function readQuestions(
  octets: Uint8Array,
  reader: Reader,
  count: number,
): readonly Question[] | null {
  const questions: Question[] = []
  for (let index = 0; index < count; index++) {
    const name = readName(octets, reader)
    const question = { name: name ?? '', type: reader.u16be(), class: reader.u16be() }
    if (name === null || reader.short) return null
    questions.push(question)
  }
  return questions
}

function readResource(octets: Uint8Array, reader: Reader, shown: boolean): Answer | null {
  const name = readName(octets, reader)
  const type = reader.u16be()
  const recordClass = reader.u16be()
  const ttlSeconds = reader.u32be()
  const rdata = reader.reader(reader.u16be())
  if (name === null || reader.short) return null
  const head = { name, type, class: recordClass, ttlSeconds }
  if (!shown) return { ...head, text: '' }
  if (type === RRType.svcb || type === RRType.https) {
    const service = readService(octets, rdata)
    return service === null ? null : { ...head, text: serviceText(service), service }
  }
  const text = rdataText(octets, type, rdata)
  return text === null ? null : { ...head, text }
}
