/** Queries and the responses to them: over UDP and TCP alike, in any order. */

import { Reader } from '../../../core/bytes.js'
import type { At, Dir, Fact, Fields, TxId } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { Opcode, rcodeName, typeName } from './code.js'
import { type Message, parseMessage, type Question, readHeader } from './message.js'
import { type Asked, askedOf, refused } from './refusal.js'
import { asksForName, resolvedOf } from './resolved.js'

/** Unanswered queries of a flow; the oldest goes when another comes. */
export const OPEN_TX = 64
/** Enough for one name with each octet escaped. */
const KEY_CHARACTERS = 1_040

interface Query {
  readonly tx: TxId
  readonly asked: Asked
  /** Identifies the question section with the case of letters dropped. */
  readonly key: string
  /** Its response may teach addresses. */
  readonly teaches: boolean
}

export interface DnsState {
  nextTx: TxId
  open: Query[]
}

export const openState = (): DnsState => ({ nextTx: 0, open: [] })

/** `begin` and `end` bound the message in its direction. */
export function readMessage(
  state: DnsState,
  dir: Dir,
  octets: Uint8Array,
  begin: At,
  end: At,
): readonly Fact[] {
  const message = parseMessage(octets)
  return dir === 'orig'
    ? readQuery(state, octets, message, begin)
    : readResponse(state, octets, message, begin, end)
}

export function refusedOf(state: DnsState, tx: TxId): Uint8Array | null {
  const query = state.open.find((open) => open.tx === tx)
  return query === undefined ? null : refused(query.asked)
}

/** Whatever the opener sends is a transaction; what cannot be read carries `malformed`. */
function readQuery(
  state: DnsState,
  octets: Uint8Array,
  message: Message | null,
  begin: At,
): readonly Fact[] {
  const tx = state.nextTx++
  const sound = message !== null && !message.header.response ? message : null
  const asked = sound === null ? headOnly(octets) : askedOf(octets, sound)
  const facts: Fact[] = []
  if (asked !== null) {
    const teaches = sound !== null && asksForName(sound)
    state.open.push({ tx, asked, key: keyOf(sound?.questions ?? []), teaches })
    if (state.open.length > OPEN_TX) {
      const oldest = state.open.shift()
      if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: begin })
    }
  }
  const fields = sound === null ? { names: [], types: [], malformed: true } : queryFields(sound)
  facts.push({ kind: 'tx', tx, dir: 'orig', begin, fields, complete: true })
  return facts
}

function queryFields({ header, questions }: Message): Fields {
  const { opcode } = header
  // Policy judges by names: a query without any, or with answers of its own, has no reading.
  const odd = questions.length === 0 || (opcode === Opcode.query && header.answers > 0)
  const fields: FieldsDraft = {
    names: questions.map((question) => question.name),
    types: questions.map((question) => typeName(question.type)),
  }
  if (opcode !== Opcode.query) fields.opcode = opcode
  if (odd || header.reserved) fields.malformed = true
  return fields
}

/** A message whose header alone can be read is refused without its question. */
function headOnly(octets: Uint8Array): Asked | null {
  const header = readHeader(new Reader(octets))
  if (header === null || header.response) return null
  const { id, opcode, recursionDesired } = header
  const questionOctets = new Uint8Array(0)
  return { id, opcode, recursionDesired, questions: 0, questionOctets, edns: false }
}

/** A response belongs to the query with its id and question (RFC 5452 §9.1); else it says nothing. */
function readResponse(
  state: DnsState,
  octets: Uint8Array,
  message: Message | null,
  begin: At,
  end: At,
): readonly Fact[] {
  const header = message?.header ?? readHeader(new Reader(octets))
  if (header === null || !header.response) return []
  // Servers that could not read the question repeat none.
  const key = message === null || header.questions === 0 ? null : keyOf(message.questions)
  const query = state.open.find(
    (open) => open.asked.id === header.id && (key === null || open.key === key),
  )
  if (query === undefined) return []
  state.open = state.open.filter((open) => open !== query)
  const { tx, teaches } = query
  const fields = message === null ? { malformed: true } : responseFields(message)
  const resolved = () =>
    message === null || !teaches || hasFailed(message) ? null : resolvedOf(message)
  return [
    { kind: 'tx', tx, dir: 'reply', begin, fields, complete: true, resolved },
    { kind: 'txEnd', tx, end },
  ]
}

const hasFailed = ({ header, extendedRcode }: Message): boolean =>
  header.rcode !== 0 || extendedRcode !== 0

function responseFields({ header, answers, extendedRcode }: Message): Fields {
  const ttls = answers.map((answer) => answer.ttlSeconds)
  const fields: FieldsDraft = {
    rcode: rcodeName(extendedRcode * 16 + header.rcode),
    answers: answers.map((answer) => answer.text),
    answerTypes: answers.map((answer) => typeName(answer.type)),
  }
  if (ttls.length > 0) fields.ttl = Math.min(...ttls)
  if (header.truncated) fields.truncated = true
  return fields
}

const keyOf = (questions: readonly Question[]): string =>
  questions
    .map((question) => `${question.type} ${question.class} ${question.name}`)
    .join('\n')
    .slice(0, KEY_CHARACTERS)
