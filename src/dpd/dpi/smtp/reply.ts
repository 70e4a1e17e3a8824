/** What the server sends: replies, in the order of the commands (RFC 5321 §4.2, RFC 2920 §3.2). */
import type { At, Fact, Step } from '../../../core/inspect/contract.js'
import { readReplyLine } from './line.js'
import type { Pending, SmtpState } from './session.js'

const REPLY = /^([2-5]\d\d)([ -]|$)(\S*)/
const START_INPUT = 354
const CONTINUE = 334
/** Of STARTTLS: the other protocol begins (RFC 3207 §4). */
const STARTS = 220

const NEXT = { kind: 'need', octets: 1 } as const

export function stepServer(state: SmtpState, input: Uint8Array, at: At): Step {
  const line = readReplyLine(input)
  if (line.kind === 'more')
    return { take: 0, facts: [], next: { kind: 'need', octets: input.length + 1 } }
  if (line.kind === 'malformed') return { take: 0, facts: [], next: line }
  const [matched, digits = '', separator, word = ''] = REPLY.exec(line.text) ?? []
  if (matched === undefined) {
    return { take: 0, facts: [], next: { kind: 'malformed', clause: 'RFC 5321 §4.2 reply' } }
  }
  state.replyBegin ??= at
  const [pending] = state.open
  if (pending !== undefined && state.greeted) pending.begin ??= at
  if (separator === '-') return { take: line.octets, facts: [], next: NEXT }
  const begin = state.replyBegin
  state.replyBegin = null
  return wholeReply(state, {
    code: Number(digits),
    word,
    begin,
    octets: line.octets,
    end: at + line.octets,
  })
}

interface Reply {
  readonly code: number
  readonly word: string
  readonly begin: At
  /** Of its last line. */
  readonly octets: number
  readonly end: At
}

function wholeReply(state: SmtpState, reply: Reply): Step {
  const { code, word, octets, end } = reply
  if (!state.greeted) {
    state.greeted = true
    const fields = { server: word, greeting: code }
    return { take: octets, facts: [{ kind: 'flow', fields }], next: NEXT }
  }
  const [pending] = state.open
  // Nobody asked: the server says that it goes, 421.
  if (pending === undefined || goesOn(state, pending, code)) {
    return { take: octets, facts: [], next: NEXT }
  }
  const facts = answered(state, pending, reply)
  if (pending.command !== 'STARTTLS' || code !== STARTS) return { take: octets, facts, next: NEXT }
  const from = { orig: state.startTlsEnd, reply: end }
  return { take: octets, facts, next: { kind: 'switch', app: 'tls', from } }
}

/** An intermediate reply: the client sends more. */
function goesOn(state: SmtpState, pending: Pending, code: number): boolean {
  if (pending.command === 'DATA' && code === START_INPUT && !pending.goesOn) {
    state.phase = 'content'
    state.content.begin()
  } else if (pending.command === 'AUTH' && code === CONTINUE) state.phase = 'response'
  else return false
  pending.goesOn = true
  return true
}

function answered(
  state: SmtpState,
  pending: Pending,
  { code, begin, end }: Reply,
): readonly Fact[] {
  const { tx, command, recipient } = pending
  if (recipient !== null) recipient.accepted = code < 300
  if (pending.replies === 0) pending.replies = repliesOf(state, pending)
  pending.code = Math.max(pending.code, code)
  if (--pending.replies > 0) return []
  state.open.shift()
  const isAwaited = command === 'AUTH' || (command === 'DATA' && !pending.goesOn)
  if (isAwaited || (command === 'STARTTLS' && code !== STARTS)) state.phase = 'command'
  const fields = { code: pending.code }
  return [
    { kind: 'tx', tx, dir: 'reply', begin: pending.begin ?? begin, fields, complete: true },
    { kind: 'txEnd', tx, end },
  ]
}

function repliesOf(
  { isLmtp }: SmtpState,
  { command, endsMail, goesOn, envelope }: Pending,
): number {
  if (!isLmtp || !endsMail || (command === 'DATA' && !goesOn)) return 1
  return Math.max(1, envelope.recipients.filter(({ accepted }) => accepted === true).length)
}
