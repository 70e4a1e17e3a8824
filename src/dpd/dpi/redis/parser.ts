/** RESP2 and RESP3 (Redis serialization protocol specification): one transaction per command, pipelined or not. */
import { fromLatin1 } from '../../../core/bytes.js'
import type {
  At,
  Dir,
  Fact,
  Fields,
  Next,
  Parser,
  Refusal,
  Step,
  TxId,
} from '../../../core/inspect/contract.js'
import { anyOf, LETTERS } from '../begins.js'
import { type Command, readCommand, WINDOW_OCTETS } from './command.js'
import { readInline } from './inline.js'
import { isLineEnd, NumberLine } from './number-line.js'
import { PROBE_OCTETS, probeRedis } from './probe.js'
import { RepliesDue } from './replies-due.js'
import { ReplyReader } from './reply.js'

/** Commands without a reply that are kept apart; the oldest ends when another comes. */
const OPEN_TX = 4_096
/** The exceptions among the replies due, and the depth of one reply. */
const STATE_OCTETS = 32_768
const STAR = 0x2a
const DOLLAR = 0x24
const OK_FIELDS: Fields = { status: 'ok' }
const CONFIRMATIONS = /^[ps]?(?:un)?subscribe$/
const MESSAGES = /^[ps]?message$/
const REFUSAL: Refusal = {
  toOpener: fromLatin1('-NOPERM this command is not allowed by network policy\r\n'),
  then: 'close',
}

interface RedisState {
  /** Bulk strings of the command under way that no rule asks for. */
  argumentsLeft: number
  /** Such a one was skipped up to the line end after it. */
  inValueEnd: boolean
  /** Octets of an inline command that are known to have no end. */
  scanned: number
  nextTx: TxId
  /** Transactions before it have ended. */
  endedTx: TxId
  readonly due: RepliesDue
  readonly reply: ReplyReader
  /** Of the reply under way; null = it is no transaction's. */
  replyTo: TxId | null
  replyIsLast: boolean
  /** The newest that a reply fact is out for; -1 = none yet. */
  repliedTx: TxId
  /** One past the last reply octet taken. */
  replyAt: At
}

const openState = (): RedisState => ({
  argumentsLeft: 0,
  inValueEnd: false,
  scanned: 0,
  nextTx: 0,
  endedTx: 0,
  due: new RepliesDue(),
  reply: new ReplyReader(),
  replyTo: null,
  replyIsLast: false,
  repliedTx: -1,
  replyAt: 0,
})

const need = (octets: number): Next => ({ kind: 'need', octets })
const NEED_ONE = need(1)
const malformed = (clause: string): Next => ({ kind: 'malformed', clause })
const line = new NumberLine()

function step(state: RedisState, dir: Dir, input: Uint8Array, at: At): Step {
  const facts: Fact[] = []
  return dir === 'orig'
    ? readCommands(state, input, at, facts)
    : readReplies(state, input, at, facts)
}

function readCommands(state: RedisState, input: Uint8Array, at: At, facts: Fact[]): Step {
  let used = 0
  while (used < input.length) {
    if (state.argumentsLeft > 0) {
      const { end, next } = passArguments(state, input, used)
      used = end
      if (next !== null) return { take: used, facts, next }
      continue
    }
    const read =
      input[used] === STAR ? readCommand(input, used) : readInline(input, used, state.scanned)
    if (read.kind === 'need') {
      state.scanned = input[used] === STAR ? 0 : input.length - used
      return { take: used, facts, next: need(read.octets) }
    }
    state.scanned = 0
    if (read.kind === 'malformed') return { take: used, facts, next: malformed(read.clause) }
    if (read.kind === 'command') begin(state, read, at + used, facts)
    used = read.end
  }
  return { take: used, facts, next: NEED_ONE }
}

function begin(state: RedisState, command: Command, at: At, facts: Fact[]): void {
  const tx = state.nextTx++
  state.argumentsLeft = command.left
  facts.push({
    kind: 'tx',
    tx,
    dir: 'orig',
    begin: at,
    fields: command.fields,
    complete: true,
  })
  askReply(state, tx, command, facts)
}

function askReply(state: RedisState, tx: TxId, command: Command, facts: Fact[]): void {
  const { due } = state
  const wasFollowed = due.isFollowed
  const replies = wasFollowed && due.asked(tx, command)
  // What silent commands wait for before they end is the end of earlier ones.
  if (!due.isFollowed || (!replies && due.next > tx)) endUpTo(state, tx, facts)
  else if (tx - state.endedTx >= OPEN_TX) endUpTo(state, state.endedTx, facts)
}

/** Ends all that are open, `last` the newest of them. */
function endUpTo(state: RedisState, last: TxId, facts: Fact[]): void {
  while (state.endedTx <= last)
    facts.push({ kind: 'txEnd', tx: state.endedTx++, end: state.replyAt })
}

/** Arguments after the keys: values, of which only the length is read. */
function passArguments(
  state: RedisState,
  input: Uint8Array,
  from: number,
): { end: number; next: Next | null } {
  let at = from
  while (state.argumentsLeft > 0) {
    if (state.inValueEnd) {
      if (input.length - at < 2) return { end: at, next: need(2) }
      if (!isLineEnd(input, at)) return { end: at, next: malformed('RESP bulk string end') }
      state.inValueEnd = false
      state.argumentsLeft--
      at += 2
      continue
    }
    if (at >= input.length) return { end: at, next: NEED_ONE }
    if (input[at] !== DOLLAR) return { end: at, next: malformed('RESP bulk string type') }
    const header = line.read(input, at + 1)
    if (header === 'need') return { end: at, next: need(input.length - at + 1) }
    if (header === 'bad' || line.value < 0) {
      return { end: at, next: malformed('RESP bulk string length') }
    }
    at = line.end
    state.inValueEnd = true
    if (at + line.value > input.length) {
      return { end: at, next: { kind: 'skip', octets: line.value } }
    }
    at += line.value
  }
  return { end: at, next: null }
}

function readReplies(state: RedisState, input: Uint8Array, at: At, facts: Fact[]): Step {
  const { reply, due } = state
  let used = 0
  while (used < input.length) {
    if (reply.isBetween) {
      if (!due.isFollowed) return { take: used, facts, next: { kind: 'skip', octets: 'toEnd' } }
      const told = beginReply(state, input, used, at, facts)
      if (!told) return { take: used, facts, next: need(input.length - used + 1) }
    }
    const element = reply.step(input, used)
    if (element.kind === 'malformed') return { take: used, facts, next: element }
    if (element.kind === 'need') return { take: used, facts, next: element }
    used = element.end
    state.replyAt = at + used
    if (reply.isBetween) endReply(state, facts)
    if (element.skip > 0) {
      return { take: used, facts, next: { kind: 'skip', octets: element.skip } }
    }
  }
  return { take: used, facts, next: NEED_ONE }
}

/** False: how it begins is not there yet. */
function beginReply(
  state: RedisState,
  input: Uint8Array,
  from: number,
  at: At,
  facts: Fact[],
): boolean {
  const { due } = state
  const beginning = state.reply.beginning(input, from, due.hasSubscribed)
  if (beginning === null) return false
  state.replyTo = null
  state.replyIsLast = false
  // Without a command before it: a greeting error, or a message.
  if (due.next >= state.nextTx) return true
  const isError = beginning.kind === 'error'
  const isConfirmation = beginning.kind === 'words' && CONFIRMATIONS.test(beginning.word)
  if (isConfirmation !== due.awaitsConfirmation && (isConfirmation || !isError)) return true
  if (beginning.kind === 'words' && !isConfirmation) {
    if (beginning.isPush || MESSAGES.test(beginning.word)) return true
  }
  const tx = due.next
  state.replyTo = tx
  state.replyIsLast = due.confirmed(isError)
  // A subscription to several channels is confirmed one by one.
  if (tx < state.endedTx || tx === state.repliedTx) return true
  state.repliedTx = tx
  const fields = isError ? { status: 'error', code: beginning.code } : OK_FIELDS
  facts.push({ kind: 'tx', tx, dir: 'reply', begin: at + from, fields, complete: true })
  if (due.isLast && !isError) due.isFollowed = false
  return true
}

function endReply(state: RedisState, facts: Fact[]): void {
  const tx = state.replyTo
  if (tx === null || !state.replyIsLast) return
  state.replyTo = null
  state.due.advance()
  // A silent one ends with the one before it.
  if (state.due.isFollowed) endUpTo(state, state.due.next - 1, facts)
  else endUpTo(state, state.nextTx - 1, facts)
}

/** Only where the opener awaits this transaction's reply next and has had none of it. */
function refusal(state: RedisState, tx: TxId): Refusal | null {
  const awaited = state.due.isFollowed && state.due.next === tx && tx < state.nextTx
  return awaited && state.reply.isBetween ? REFUSAL : null
}

type SavedRedis = readonly [nextTx: TxId, replyAt: At, hasSubscribed: boolean]

/** Every command has its reply, and nothing of a next one is there. */
function save(state: RedisState): SavedRedis | null {
  const { nextTx, replyAt, due } = state
  const isBetween = state.argumentsLeft === 0 && state.scanned === 0 && state.reply.isBetween
  if (!isBetween || !due.isPlain || state.endedTx !== nextTx || due.next !== nextTx) return null
  return [nextTx, replyAt, due.hasSubscribed]
}

function restore([nextTx, replyAt, hasSubscribed]: SavedRedis): RedisState {
  const state = openState()
  state.due.next = nextTx
  state.due.hasSubscribed = hasSubscribed
  return { ...state, nextTx, endedTx: nextTx, replyAt }
}

export const redis: Parser<RedisState> = {
  app: 'redis',
  transport: ['tcp'],
  limits: {
    windowOctets: WINDOW_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf(`*${LETTERS}`), reply: anyOf('-') },
  probe: probeRedis,
  open: openState,
  step,
  // A value may hold what looks like a command.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal,
  rest: { save, restore },
}
