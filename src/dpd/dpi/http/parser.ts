/** HTTP/1.x (RFC 9110, RFC 9112): one transaction per request, decided by its head. */
import type {
  At,
  Dir,
  Fact,
  Next,
  Parser,
  Refusal,
  Step,
  TxId,
} from '../../../core/inspect/contract.js'
import { anyOf } from '../begins.js'
import { type Connection, openUpgraded } from '../http2/connection.js'
import { stepHttp2 } from '../http2/parser.js'
import { refuse } from '../http2/refusal.js'
import { applyUpgrade } from '../http2/settings.js'
import {
  beginBody,
  type Cursor,
  type MessageState,
  malformed,
  openMessage,
  position,
  readBody,
  readHead,
} from './message.js'
import { FIRST_CHARACTERS, PROBE_OCTETS, probeHttp } from './probe.js'
import { forbidden } from './refusal.js'
import { parseReply, type Reply } from './reply.js'
import { parseRequest, type Request } from './request.js'

/** Pipelined requests without a reply; beyond it the opener's octets rest. */
const OPEN_TX = 64
const PREFACE = 'PRI * HTTP/2.0'
/** Empty lines that a recipient skips before a request-line (RFC 9112 §2.2 asks for at least one). */
const EMPTY_LINES = 2

/** A request whose final reply has not come. */
interface Exchange {
  readonly tx: TxId
  readonly isHead: boolean
  readonly leaves: Request['leaves']
  readonly offers: Request['offers']
  readonly http2Settings: Request['http2Settings']
  /** One past the request's last octet; null while its chunked body goes on. */
  end: At | null
}

interface HttpState {
  readonly request: MessageState
  readonly reply: MessageState
  /** Oldest first. */
  readonly open: Exchange[]
  nextTx: TxId
  /** The newest request and its body, which may outlive its exchange. */
  sending: Exchange | null
  /** The request after which the opener offered another protocol. */
  offer: Exchange | null
  /** Of the reply whose body goes on. */
  receiving: TxId | null
  /** The final reply that came last said so. */
  repliesEnd: boolean
  emptyLines: number
  /** The connection went on in HTTP/2 (RFC 7540 §3.2): this parser's still, for it has the first request. */
  http2: Connection | null
}

function openState(): HttpState {
  return {
    request: openMessage(),
    reply: openMessage(),
    open: [],
    nextTx: 0,
    sending: null,
    offer: null,
    receiving: null,
    repliesEnd: false,
    emptyLines: 0,
    http2: null,
  }
}

function step(state: HttpState, dir: Dir, input: Uint8Array, at: At, ended: boolean): Step {
  if (state.http2 !== null) return stepHttp2(state.http2, dir, input, at)
  const cursor: Cursor = { input, at, ended, used: 0 }
  const facts: Fact[] = []
  const advance = dir === 'orig' ? advanceRequests : advanceReplies
  // One part of a message a step: the other direction may have waited for just that.
  let next: Next | undefined
  while (next === undefined && cursor.used === 0) next = advance(state, cursor, facts)
  return { take: cursor.used, facts, next: next ?? { kind: 'need', octets: 1 } }
}

function advanceRequests(state: HttpState, cursor: Cursor, facts: Fact[]): Next | undefined {
  const body = readBody(state.request, cursor)
  if (body !== undefined) return body
  if (state.sending !== null && state.sending.end === null) state.sending.end = position(cursor)
  if (cursor.used > 0) return undefined
  if (cursor.input.length === 0) return { kind: 'need', octets: 1 }
  if (state.offer !== null) {
    if (state.open.includes(state.offer)) return { kind: 'await' }
    state.offer = null
  }
  if (state.open.length >= OPEN_TX) return { kind: 'await' }
  return readRequest(state, cursor, facts)
}

function readRequest(state: HttpState, cursor: Cursor, facts: Fact[]): Next | undefined {
  const head = readHead(state.request, cursor)
  if (head.kind === 'next') return head.next
  if (head.lines.length === 0) {
    return ++state.emptyLines > EMPTY_LINES ? malformed('RFC 9112 §2.2 empty lines') : undefined
  }
  state.emptyLines = 0
  // At a connection's beginning HTTP/2 has its own parser; here a server could read either.
  if (head.lines[0] === PREFACE) return malformed('RFC 9113 §3.4 preface after other octets')
  const request = parseRequest(head.lines)
  if ('clause' in request) return malformed(request.clause)
  const { method, leaves, offers, http2Settings, body } = request
  const end = body.kind === 'octets' ? position(cursor) + body.octets : null
  const tx = state.nextTx++
  const exchange: Exchange = { tx, isHead: method === 'HEAD', leaves, offers, http2Settings, end }
  state.open.push(exchange)
  state.sending = exchange
  if (leaves !== null) state.offer = exchange
  facts.push({
    kind: 'tx',
    tx,
    dir: 'orig',
    begin: head.begin,
    fields: request.fields,
    detail: request.detail,
    complete: true,
  })
  return beginBody(state.request, cursor, body)
}

function advanceReplies(state: HttpState, cursor: Cursor, facts: Fact[]): Next | undefined {
  if (state.reply.phase === 'untilClose' && cursor.ended) {
    state.reply.phase = 'head'
    endReply(state, position(cursor), facts)
    return { kind: 'skip', octets: 'toEnd' }
  }
  const body = readBody(state.reply, cursor)
  if (body !== undefined) return body
  endReply(state, position(cursor), facts)
  if (cursor.used > 0) return undefined
  // Some refuse a HEAD with content, and close: what comes now is of no request.
  if (state.repliesEnd) return { kind: 'skip', octets: 'toEnd' }
  if (cursor.input.length === 0) return { kind: 'need', octets: 1 }
  return readReply(state, cursor, facts)
}

function endReply(state: HttpState, end: At, facts: Fact[]): void {
  if (state.receiving === null) return
  facts.push({ kind: 'txEnd', tx: state.receiving, end })
  state.receiving = null
}

function readReply(state: HttpState, cursor: Cursor, facts: Fact[]): Next | undefined {
  const from = cursor.used
  const head = readHead(state.reply, cursor)
  if (head.kind === 'next') return head.next
  const exchange = state.open[0]
  const reply = parseReply(head.lines, exchange?.isHead === true, exchange?.leaves === 'connect')
  if ('clause' in reply) return malformed(reply.clause)
  // A server may refuse before there is a request, then it closes (RFC 9110 §15.5.9). Any other
  // reply without one waits for it: the client would tie it to its next request.
  if (exchange === undefined && reply.status >= 400) return { kind: 'skip', octets: 'toEnd' }
  if (exchange === undefined || mustWait(exchange, reply)) {
    cursor.used = from
    return { kind: 'await' }
  }
  if (reply.status < 200 && reply.status !== 101) return undefined
  return answer(state, exchange, reply, head.begin, cursor, facts)
}

/** The protocol changes at the end of a whole request (RFC 9110 §7.8). */
function mustWait(exchange: Exchange, reply: Reply): boolean {
  return exchange.end === null && (reply.status === 101 || tunnels(exchange, reply))
}

const tunnels = (exchange: Exchange, reply: Reply): boolean =>
  exchange.leaves === 'connect' && reply.status >= 200 && reply.status < 300

function answer(
  state: HttpState,
  exchange: Exchange,
  reply: Reply,
  begin: At,
  cursor: Cursor,
  facts: Fact[],
): Next | undefined {
  const { tx, end } = exchange
  if (reply.status === 101) {
    const clause = notOffered(exchange, reply)
    if (clause !== null) return malformed(clause)
    if (reply.protocol === 'h2c') return continueInHttp2(state, exchange)
  }
  const { fields, detail } = reply
  facts.push({ kind: 'tx', tx, dir: 'reply', begin, fields, detail, complete: true })
  state.open.shift()
  const after = position(cursor)
  if (reply.status === 101 || tunnels(exchange, reply)) {
    facts.push({ kind: 'txEnd', tx, end: after })
    const app = reply.protocol === 'websocket' ? 'websocket' : null
    return { kind: 'switch', app, from: { orig: end ?? 0, reply: after } }
  }
  state.repliesEnd = reply.closes
  if (reply.body.kind === 'octets') {
    facts.push({ kind: 'txEnd', tx, end: after + reply.body.octets })
  } else {
    state.receiving = tx
  }
  return beginBody(state.reply, cursor, reply.body)
}

function notOffered({ leaves, offers }: Exchange, { protocol }: Reply): string | null {
  if (leaves !== 'upgrade') return 'RFC 9110 §15.2.2 Upgrade was not asked for'
  return protocol === null || offers.includes(protocol)
    ? null
    : 'RFC 9110 §7.8 protocol not offered'
}

/** Its reply comes on stream 1. */
function continueInHttp2(state: HttpState, { tx, http2Settings }: Exchange): Next | undefined {
  if (http2Settings === null) return malformed('RFC 7540 §3.2.1 HTTP2-Settings')
  state.open.shift()
  state.http2 = openUpgraded(tx)
  const clause = applyUpgrade(state.http2, http2Settings)
  return clause === null ? undefined : malformed(clause)
}

/** 403 only where the opener awaits this transaction's reply next and has had none of it. */
function refusal(state: HttpState, tx: TxId): Refusal | null {
  if (state.http2 !== null) return refuse(state.http2, tx)
  const [oldest] = state.open
  if (oldest === undefined || oldest.tx !== tx || state.receiving !== null) return null
  return forbidden(oldest.isHead)
}

type SavedHttp = readonly [nextTx: TxId, emptyLines: number]

function save(state: HttpState): SavedHttp | null {
  const { request, reply, open, sending, receiving, repliesEnd, http2 } = state
  const isBetween = request.phase === 'head' && reply.phase === 'head'
  const isSent = sending === null || sending.end !== null
  if (!isBetween || !isSent || open.length > 0 || receiving !== null) return null
  if (repliesEnd || http2 !== null) return null
  // An offer whose request is answered is no offer any more.
  return [state.nextTx, state.emptyLines]
}

const restore = ([nextTx, emptyLines]: SavedHttp): HttpState => ({
  ...openState(),
  nextTx,
  emptyLines,
})

export const http: Parser<HttpState> = {
  app: 'http',
  transport: ['tcp'],
  limits: {
    // Above nginx's (4 × 8 KiB) and Node's (16 KiB) limits of a head.
    windowOctets: 32_768,
    // After an upgrade that of HTTP/2.
    stateOctets: 393_216,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: FIRST_CHARACTERS, reply: anyOf('H') },
  probe: probeHttp,
  open: openState,
  step,
  // Which octets are heads cannot be told after a hole: guessing would invent requests.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal,
  rest: { save, restore },
}
