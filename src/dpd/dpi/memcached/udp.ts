/** memcached over UDP: a frame header, then the same protocols (protocol.txt, "UDP protocol"). */
import { latin1, Reader } from '../../../core/bytes.js'
import type {
  At,
  Dir,
  Fact,
  Fields,
  Parser,
  Refusal,
  Step,
  TxId,
} from '../../../core/inspect/contract.js'
import {
  outcomeOf as binaryOutcome,
  MAGIC_REQUEST,
  MAGIC_RESPONSE,
  readBinaryCommand,
  readBinaryHeader,
} from './binary.js'
import { FRAME_OCTETS, PROBE_OCTETS, probeUdp } from './probe.js'
import { binaryRefusal, textRefusal } from './refusal.js'
import { openPosition, readTextCommands } from './text.js'
import { outcomeOf, readReplyLine } from './text-reply.js'
import { Transactions } from './transactions.js'

/** Requests without a reply; the oldest ends when another comes. */
const OPEN_TX = 64
const STATE_OCTETS = 16_384
const DATAGRAM_OCTETS = 65_535
const LINE_OCTETS = 64
const UNREAD: Fields = { command: '', keys: [], ambiguous: ['command', 'keys'], malformed: true }

interface Open {
  readonly tx: TxId
  readonly requestId: number
  readonly isBinary: boolean
  readonly opcode: number
  readonly opaque: number
}

interface UdpState {
  nextTx: TxId
  open: Open[]
  /** One past the last reply datagram. */
  replyAt: At
}

function step(state: UdpState, dir: Dir, input: Uint8Array, at: At): Step {
  const reader = new Reader(input)
  const requestId = reader.u16be()
  const sequence = reader.u16be()
  const total = reader.u16be()
  const facts: Fact[] = []
  const body = input.subarray(FRAME_OCTETS)
  if (dir === 'orig') request(state, requestId, body, at, facts)
  else state.replyAt = at + 1
  if (dir === 'reply' && sequence === 0) reply(state, requestId, body, at, facts)
  if (dir === 'reply' && sequence + 1 === total) end(state, requestId, at, facts)
  return { take: input.length, facts, next: { kind: 'need', octets: 1 } }
}

/** Whatever the opener sends is a transaction; what can't be read carries `malformed`. */
function request(
  state: UdpState,
  requestId: number,
  body: Uint8Array,
  at: At,
  facts: Fact[],
): void {
  const isBinary = body[0] === MAGIC_REQUEST
  const asked = isBinary ? binaryCommand(body) : textCommands(body)
  const told = asked.facts.flatMap((fact) => (fact.kind === 'tx' ? [fact.fields] : []))
  const silent = asked.facts.flatMap((fact) => (fact.kind === 'txEnd' ? [fact.tx] : []))
  const header = isBinary ? readBinaryHeader(body) : null
  for (const [index, fields] of (asked.isWhole && told.length > 0 ? told : [UNREAD]).entries()) {
    const tx = state.nextTx++
    facts.push({ kind: 'tx', tx, dir: 'orig', begin: at, fields, complete: true })
    if (silent.includes(index)) {
      facts.push({ kind: 'txEnd', tx, end: state.replyAt })
      continue
    }
    const { opcode = 0, opaque = 0 } = header ?? {}
    state.open.push({ tx, requestId, isBinary, opcode, opaque })
    const oldest = state.open.length > OPEN_TX ? state.open.shift() : undefined
    if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: state.replyAt })
  }
}

interface Asked {
  readonly facts: readonly Fact[]
  /** All of the datagram was read, and nothing is missing. */
  readonly isWhole: boolean
}

function binaryCommand(body: Uint8Array): Asked {
  const { facts, take, next } = readBinaryCommand(new Transactions(), body, 0)
  return { facts, isWhole: next.kind === 'need' && take === body.length }
}

function textCommands(body: Uint8Array): Asked {
  const position = openPosition()
  const transactions = new Transactions()
  const facts: Fact[] = []
  let at = 0
  while (at < body.length) {
    const step = readTextCommands(position, transactions, body.subarray(at), at)
    const { next } = step
    const skipped = next.kind === 'skip' && next.octets !== 'toEnd' ? next.octets : 0
    if (step.take + skipped === 0) break
    facts.push(...step.facts)
    at += step.take + skipped
  }
  return { facts, isWhole: at === body.length && !position.inBlockEnd }
}

/** Several commands of one datagram share a request id: the reply is told of the first. */
function reply(
  { open }: UdpState,
  requestId: number,
  body: Uint8Array,
  at: At,
  facts: Fact[],
): void {
  const answered = open.find((one) => one.requestId === requestId)
  if (answered === undefined) return
  const { tx } = answered
  facts.push({ kind: 'tx', tx, dir: 'reply', begin: at, fields: outcome(body), complete: true })
}

function outcome(body: Uint8Array): Fields {
  const header = body[0] === MAGIC_RESPONSE ? readBinaryHeader(body) : null
  if (header !== null) return binaryOutcome(header.status)
  const line = latin1(body, 0, Math.min(body.length, LINE_OCTETS)).split('\r\n', 1)[0] ?? ''
  return outcomeOf(readReplyLine(line))
}

function end(state: UdpState, requestId: number, at: At, facts: Fact[]): void {
  for (const { tx, requestId: id } of state.open) {
    if (id === requestId) facts.push({ kind: 'txEnd', tx, end: at + 1 })
  }
  state.open = state.open.filter((one) => one.requestId !== requestId)
}

function refusal({ open }: UdpState, tx: TxId): Refusal | null {
  const asked = open.find((one) => one.tx === tx)
  if (asked === undefined) return null
  const answer = asked.isBinary ? binaryRefusal(asked) : textRefusal()
  const { requestId } = asked
  const frame = [requestId >> 8, requestId & 0xff, 0, 0, 0, 1, 0, 0]
  return { toOpener: Uint8Array.from([...frame, ...answer]), then: 'continue' }
}

export const memcachedUdp: Parser<UdpState> = {
  app: 'memcached',
  transport: ['udp'],
  limits: {
    windowOctets: DATAGRAM_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  probe: probeUdp,
  open: () => ({ nextTx: 0, open: [], replyAt: 0 }),
  step,
  gap: () => ({ take: 0, facts: [], next: { kind: 'need', octets: 1 } }),
  refusal,
}
