/** What the client sends: command lines, and what a command makes of the octets behind it. */
import type { At, Fact, Fields, Step } from '../../../core/inspect/contract.js'
import { readCommandLine } from './line.js'
import { PATH_OCTETS, readPath } from './path.js'
import { emptyEnvelope, OPEN_TX, type Pending, RECIPIENTS, type SmtpState } from './session.js'

const VERB = /^[A-Za-z][A-Za-z0-9-]{0,31}(?= |$)/
/** Chunk sizes below 10^12. */
const CHUNK = /^ (\d{1,12})( +LAST)? *$/i

const AWAIT: Step = { take: 0, facts: [], next: { kind: 'await' } }
const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})

export function stepClient(state: SmtpState, input: Uint8Array, at: At): Step {
  if (input.length === 0) return state.phase === 'awaiting' && !isStarting(state) ? AWAIT : need(1)
  switch (state.phase) {
    case 'content':
      return content(state, input)
    case 'response':
      return response(state, input)
    case 'awaiting':
      // Octets behind STARTTLS would be read as if TLS had protected them.
      return isStarting(state) ? malformed('RFC 3207 §4.2 octets behind STARTTLS') : AWAIT
    case 'command':
      return state.open.length < OPEN_TX ? commandLine(state, input, at) : AWAIT
  }
}

const isStarting = ({ open }: SmtpState): boolean => open.at(-1)?.command === 'STARTTLS'

function content(state: SmtpState, input: Uint8Array): Step {
  const { kind, octets } = state.content.scan(input)
  if (kind === 'malformed') return malformed('RFC 5321 §4.1.1.4 end of mail data')
  if (kind === 'end') state.phase = 'command'
  return { take: octets, facts: [], next: { kind: 'need', octets: 1 } }
}

/** Of AUTH: secret, and not read (RFC 4954 §4). */
function response(state: SmtpState, input: Uint8Array): Step {
  const line = readCommandLine(input)
  if (line.kind === 'more') return need(input.length + 1)
  if (line.kind === 'malformed') return malformed(line.clause)
  state.phase = 'awaiting'
  return { take: line.octets, facts: [], next: { kind: 'await' } }
}

function commandLine(state: SmtpState, input: Uint8Array, at: At): Step {
  const line = readCommandLine(input)
  if (line.kind === 'more') return need(input.length + 1)
  if (line.kind === 'malformed') return malformed(line.clause)
  const { text, octets } = line
  const command = VERB.exec(text)?.[0].toUpperCase() ?? ''
  const rest = text.slice(command.length)
  if (rest.length > PATH_OCTETS + 512 && (command === 'MAIL' || command === 'RCPT')) {
    return malformed('RFC 5321 §4.5.3.1.3 path')
  }
  const chunk = command === 'BDAT' ? CHUNK.exec(rest) : null
  if (command === 'BDAT' && chunk === null) return malformed('RFC 3030 §2 BDAT')
  const endsMail = command === 'DATA' || chunk?.[2] !== undefined
  const fact = request(state, { command, rest, begin: at, endsMail })
  if (command === 'STARTTLS') {
    // It does not rest: what comes before the reply must be seen.
    state.phase = 'awaiting'
    state.startTlsEnd = at + octets
  } else if (command === 'DATA' || command === 'AUTH') {
    state.phase = 'awaiting'
    return { take: octets, facts: [fact], next: { kind: 'await' } }
  }
  const skipped = Number(chunk?.[1] ?? 0)
  return {
    take: octets,
    facts: [fact],
    next: skipped > 0 ? { kind: 'skip', octets: skipped } : { kind: 'need', octets: 1 },
  }
}

interface Line {
  readonly command: string
  readonly rest: string
  readonly begin: At
  readonly endsMail: boolean
}

function request(state: SmtpState, { command, rest, begin, endsMail }: Line): Fact {
  const tx = state.nextTx++
  const fields = fieldsOf(state, command, rest)
  const recipient = command === 'RCPT' ? (state.envelope.recipients.at(-1) ?? null) : null
  const pending: Pending = {
    ...{ tx, command, endsMail, recipient, envelope: state.envelope },
    ...{ begin: null, goesOn: false, replies: 0, code: 0 },
  }
  state.open.push(pending)
  if (endsMail) state.envelope = emptyEnvelope()
  const detail = detailOf(command, rest)
  return {
    ...{ kind: 'tx', tx, dir: 'orig', begin, fields, complete: true },
    ...(detail === null ? {} : { detail: () => detail }),
  }
}

function fieldsOf(state: SmtpState, command: string, rest: string): Fields {
  switch (command) {
    case 'MAIL':
      return mail(state, rest)
    case 'RCPT':
      return recipientOf(state, rest)
    case 'DATA':
    case 'BDAT':
      return wholeMail(state, command)
    case 'LHLO':
      state.isLmtp = true
      state.envelope = emptyEnvelope()
      return { command }
    case 'EHLO':
    case 'HELO':
    case 'RSET':
      state.envelope = emptyEnvelope()
      return { command }
    case '':
      return { command, ambiguous: ['command'] }
    default:
      return { command }
  }
}

function mail(state: SmtpState, rest: string): Fields {
  const path = readPath(rest.replace(/^ +FROM:/i, ''))
  const isKnown = /^ +FROM:/i.test(rest)
  state.envelope = { ...emptyEnvelope(), from: path.address }
  const fields = { command: 'MAIL', from: path.address }
  if (isKnown && !path.isAmbiguous) return fields
  state.envelope.ambiguous.add('from')
  return { ...fields, ambiguous: ['from'] }
}

function recipientOf({ envelope }: SmtpState, rest: string): Fields {
  const path = readPath(rest.replace(/^ +TO:/i, ''))
  const isAmbiguous = path.isAmbiguous || !/^ +TO:/i.test(rest)
  const { recipients, ambiguous, from } = envelope
  if (isAmbiguous || recipients.length >= RECIPIENTS) ambiguous.add('recipients')
  if (recipients.length < RECIPIENTS) recipients.push({ address: path.address, accepted: null })
  const unsure = [
    ...(ambiguous.has('from') ? ['from'] : []),
    ...(isAmbiguous ? ['recipients'] : []),
  ]
  return {
    command: 'RCPT',
    ...(from === null ? {} : { from }),
    recipients: [path.address],
    ...(unsure.length === 0 ? {} : { ambiguous: unsure }),
  }
}

/** To all that were not rejected, as far as is known. */
function wholeMail({ envelope }: SmtpState, command: string): Fields {
  const { from, recipients, ambiguous } = envelope
  const addresses = recipients.filter(({ accepted }) => accepted !== false)
  return {
    command,
    ...(from === null ? {} : { from }),
    recipients: addresses.map(({ address }) => address),
    ...(ambiguous.size === 0 ? {} : { ambiguous: [...ambiguous] }),
  }
}

/** What else may be told without a secret. */
function detailOf(command: string, rest: string): Fields | null {
  const [word = ''] = rest.trim().split(' ', 1)
  if (command === 'EHLO' || command === 'HELO' || command === 'LHLO') return { domain: word }
  return command === 'AUTH' ? { mechanism: word.toUpperCase() } : null
}
