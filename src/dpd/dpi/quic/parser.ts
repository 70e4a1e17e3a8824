/**
 * QUIC versions 1 and 2 up to the ServerHello (RFC 9000, RFC 9001, RFC 9369). Each Destination Connection ID that a
 * client begins with is one transaction; its datagrams are held until the ClientHello in them is whole. Of what is
 * protected with other keys than Initial ones (0-RTT, Handshake, 1-RTT) nothing can be read.
 */
import type { At, Dir, Fact, Fields, Parser, Step, TxId } from '../../../core/inspect/contract.js'
import {
  CLIENT_HELLO,
  lastingOf,
  offered,
  parseClientHello,
  parseServerHello,
  SERVER_HELLO,
} from '../tls/hello.js'
import { Attempt } from './attempt.js'
import { type LongPacket, type Packet, readPacket } from './packet.js'
import { INITIAL_DATAGRAM_OCTETS, probeQuic } from './probe.js'
import { isReserved, versionText } from './version.js'

/** Other version, Retry, and a new one for each: a client that goes on beyond is none. */
export const ATTEMPTS_MAX = 4
/** Datagrams in which a ClientHello must be whole: 16 KiB of it, and repetitions of them. */
export const PENDING_MAX = 32
/** Datagrams of a server without a readable ServerHello: the handshake was missed. */
export const REPLIES_MAX = 16
const DATAGRAM_OCTETS = 65_535
/** ATTEMPTS_MAX times what a client and a server may say, and the keys. */
const STATE_OCTETS = 180_000

interface QuicState {
  attempts: Attempt[]
  nextTx: TxId
  /** Transactions of reserved versions, which a Version Negotiation packet ends. */
  questions: TxId[]
  pending: number
  replies: number
}

/** A step under way. */
interface Turn {
  readonly state: QuicState
  readonly datagram: Uint8Array
  readonly at: At
  readonly facts: Fact[]
  clause: string | null
  isOver: boolean
}

const request = (tx: TxId, begin: At, fields: Fields): Fact => ({
  kind: 'tx',
  tx,
  dir: 'orig',
  begin,
  fields,
  complete: true,
})
const isTold = ({ hellos }: Attempt): boolean => hellos > 0

function step(state: QuicState, dir: Dir, datagram: Uint8Array, at: At): Step {
  const turn: Turn = { state, datagram, at, facts: [], clause: null, isOver: false }
  const read = dir === 'orig' ? readOrig : readReply
  for (let from = 0; from < datagram.length && turn.clause === null; ) {
    const packet = readPacket(datagram, from)
    read(turn, packet)
    // What no length is known of runs to the datagram's end.
    from = packet.kind === 'long' ? packet.end : datagram.length
  }
  if (turn.clause === null && dir === 'orig') bound(turn)
  const { facts, clause } = turn
  if (clause !== null) return { take: 0, facts, next: { kind: 'malformed', clause } }
  if (turn.isOver) return { take: 1, facts, next: { kind: 'done' } }
  const take = dir === 'reply' || state.pending === 0 ? 1 : 0
  return { take, facts, next: { kind: 'need', octets: 1 } }
}

/** Whether what the client has sent so far is all told of. */
function bound(turn: Turn): void {
  const { state } = turn
  const told = state.attempts.every(isTold) && state.nextTx > 0
  state.pending = told ? 0 : state.pending + 1
  if (state.pending > PENDING_MAX) {
    turn.clause = `RFC 9000 §7.5 no ClientHello in ${PENDING_MAX} datagrams`
  }
}

function readOrig(turn: Turn, packet: Packet): void {
  if (packet.kind === 'unknown-version') askVersions(turn, packet.version)
  if (packet.kind === 'long' && packet.type === 'initial') readClientInitial(turn, packet)
}

/** Nothing in it can be read, and no server takes it for anything but a question. */
function askVersions({ state, facts, at }: Turn, version: number): void {
  if (!isReserved(version) || state.questions.length >= ATTEMPTS_MAX) return
  const tx = state.nextTx++
  state.questions.push(tx)
  facts.push(request(tx, at, { quicVersion: versionText(version) }))
}

function readClientInitial(turn: Turn, packet: LongPacket): void {
  const { state, datagram } = turn
  const known = state.attempts.findLast((attempt) => attempt.isCalled(packet.dcid))
  const attempt = known ?? newAttempt(turn, packet)
  if (attempt === null) return
  const clause = attempt.client.read(attempt.first.dcid, datagram, packet)
  if (clause === null) {
    // A server drops what it cannot open; a flow that begins so is none of QUIC.
    if (state.attempts.length === 0) turn.clause = 'RFC 9001 §5.2 Initial packet protection'
    return
  }
  if (known === undefined) {
    state.attempts.push(attempt)
    state.nextTx = attempt.tx + 1
  }
  turn.clause = clause === '' ? null : clause
  while (turn.clause === null && readClientHello(turn, attempt, packet));
}

/** Of any size: a server should drop what is below 1 200 octets or 8 of connection ID, but some may not. */
function newAttempt(turn: Turn, packet: LongPacket): Attempt | null {
  const { state, at } = turn
  if (state.attempts.length >= ATTEMPTS_MAX) {
    turn.clause = `RFC 9000 §7.2 more than ${ATTEMPTS_MAX} connection attempts`
    return null
  }
  return new Attempt(state.nextTx, at, packet)
}

/** False when no whole one is left. */
function readClientHello(turn: Turn, attempt: Attempt, packet: LongPacket): boolean {
  const message = attempt.client.message()
  if (message.kind === 'need') return false
  if (message.kind === 'malformed') turn.clause = message.clause
  else if (message.type !== CLIENT_HELLO) turn.clause = 'RFC 8446 §4 ClientHello expected'
  if (turn.clause !== null || message.kind !== 'message') return false
  const hello = parseClientHello(message.body)
  if ('clause' in hello) {
    turn.clause = hello.clause
    return false
  }
  const lasting = lastingOf(hello)
  if (attempt.hellos > 0 && lasting !== attempt.lasting) {
    turn.clause = 'RFC 8446 §4.1.2 second ClientHello asks for another thing'
    return false
  }
  if (attempt.hellos === 0) {
    attempt.lasting = lasting
    const fields = { ...offered(hello, 'q'), quicVersion: packet.version.name }
    turn.facts.push(request(attempt.tx, attempt.begin, fields))
  }
  attempt.hellos++
  attempt.client.readAt = message.end
  return true
}

function readReply(turn: Turn, packet: Packet): void {
  const { state } = turn
  if (packet.kind === 'negotiation') endQuestions(turn)
  else if (packet.kind === 'long' && packet.type === 'retry') endRetried(turn, packet)
  else if (packet.kind === 'long' && packet.type === 'initial') readServerInitial(turn, packet)
  if (packet.kind !== 'negotiation' && state.attempts.every(isTold) && !turn.isOver) {
    state.replies++
    if (state.replies <= REPLIES_MAX) return
    for (const { tx } of state.attempts) endTx(turn, tx)
    turn.isOver = true
  }
}

const endTx = ({ facts, at }: Turn, tx: TxId): void => {
  facts.push({ kind: 'txEnd', tx, end: at + 1 })
}

/** A Version Negotiation packet: the client comes again with another version, or not at all (RFC 9000 §6). */
function endQuestions(turn: Turn): void {
  for (const tx of turn.state.questions) endTx(turn, tx)
  turn.state.questions = []
}

/** The client comes again with the server's connection ID, hence other keys (RFC 9000 §17.2.5). */
function endRetried(turn: Turn, { dcid }: LongPacket): void {
  const { state } = turn
  const retried = state.attempts.findLast(
    (attempt) => isTold(attempt) && attempt.first.scid === dcid,
  )
  if (retried === undefined) return
  endTx(turn, retried.tx)
  state.attempts = state.attempts.filter((attempt) => attempt !== retried)
}

/** The newest attempt whose keys open it. */
function readServerInitial(turn: Turn, packet: LongPacket): void {
  const { attempts } = turn.state
  for (let i = attempts.length - 1; i >= 0; i--) {
    const attempt = attempts[i]
    if (attempt === undefined || attempt.first.scid !== packet.dcid) continue
    const clause = attempt.server.read(attempt.first.dcid, turn.datagram, packet)
    if (clause === null) continue
    attempt.serverCid = packet.scid
    turn.clause = clause === '' ? null : clause
    while (turn.clause === null && readServerHello(turn, attempt));
    return
  }
}

/** False when no whole one is left, or the handshake goes on unreadable. */
function readServerHello(turn: Turn, attempt: Attempt): boolean {
  const message = attempt.server.message()
  if (message.kind === 'need') return false
  if (message.kind === 'malformed') turn.clause = message.clause
  else if (message.type !== SERVER_HELLO) turn.clause = 'RFC 8446 §4.1.3 ServerHello expected'
  if (turn.clause !== null || message.kind !== 'message') return false
  const hello = parseServerHello(message.body)
  if ('clause' in hello) {
    turn.clause = hello.clause
    return false
  }
  attempt.server.readAt = message.end
  if (hello.retry) return true
  const { tx } = attempt
  const { fields } = hello
  turn.facts.push({ kind: 'tx', tx, dir: 'reply', begin: turn.at, fields, complete: true })
  for (const one of turn.state.attempts) endTx(turn, one.tx)
  turn.isOver = true
  return false
}

export const quic: Parser<QuicState> = {
  app: 'quic',
  transport: ['udp'],
  limits: {
    windowOctets: DATAGRAM_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: ATTEMPTS_MAX,
    probeOctets: INITIAL_DATAGRAM_OCTETS,
  },
  probe: probeQuic,
  open: () => ({ attempts: [], nextTx: 0, questions: [], pending: 0, replies: 0 }),
  step,
  // A datagram more or less: what is missing of a hello comes again.
  gap: () => ({ take: 0, facts: [], next: { kind: 'need', octets: 1 } }),
}
