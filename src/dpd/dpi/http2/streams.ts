/** DATA and header blocks of streams: requests and their replies (RFC 9113 §5.1, §8.1). */
import type { Next } from '../../../core/inspect/contract.js'
import {
  type Connection,
  closeIfEnded,
  type Exchange,
  OPEN_STREAMS,
  openExchange,
} from './connection.js'
import { END_STREAM, FRAME_HEADER_OCTETS, type Frame, PADDED, PUSH_PROMISE } from './frame.js'
import { type Block, scanBlock } from './header-block.js'
import type { HeaderField } from './hpack/field.js'
import { grpcStatusOf, replyDetail, statusOf } from './reply.js'
import { headerDetail, readRequest } from './request.js'
import type { DecodedRequest } from './request-memo.js'
import { endOf, has, malformed, need, pass, type Turn } from './turn.js'

const CLOSED = 'RFC 9113 §5.1 frame on a stream that is idle or closed'
const EVEN = 'RFC 9113 §5.1.1 stream of a client'
const CONTENT = 'RFC 9113 §8.1.1 content-length is not the sum of DATA'

/** Clients open odd streams, servers promise even ones (RFC 9113 §5.1.1). */
export const isIdle = ({ lastStream, lastPromised }: Connection, stream: number): boolean =>
  stream > (stream % 2 === 1 ? lastStream : lastPromised)

export function readData(turn: Turn, frame: Frame): Next | undefined {
  const { connection, dir } = turn
  const { octets, flags, stream } = frame
  if (isIdle(connection, stream)) return malformed(CLOSED)
  const isPadded = (flags & PADDED) !== 0
  if (isPadded && octets > 0 && !has(turn, FRAME_HEADER_OCTETS + 1)) {
    return need(FRAME_HEADER_OCTETS + 1)
  }
  const padding = isPadded ? 1 + (turn.input[turn.used + FRAME_HEADER_OCTETS] ?? 0) : 0
  if (padding > octets) return malformed('RFC 9113 §6.1 padding')
  const exchange = connection.exchanges.get(stream)
  const ends = (flags & END_STREAM) !== 0
  if (exchange !== undefined) {
    const clause =
      dir === 'orig'
        ? takeContent(exchange, octets - padding, ends)
        : takeReplyContent(turn, frame, exchange, ends)
    if (clause !== null) return malformed(clause)
    closeIfEnded(connection, stream, exchange)
  }
  return pass(turn, frame)
}

function takeContent(exchange: Exchange, octets: number, ends: boolean): string | null {
  if (exchange.requestEnded) return CLOSED
  exchange.dataOctets += octets
  exchange.requestEnded = ends
  const { contentOctets, dataOctets } = exchange
  if (contentOctets < 0) return null
  return dataOctets > contentOctets || (ends && dataOctets < contentOctets) ? CONTENT : null
}

function takeReplyContent(
  turn: Turn,
  frame: Frame,
  exchange: Exchange,
  ends: boolean,
): string | null {
  if (!exchange.replied || exchange.replyEnded) return 'RFC 9113 §8.1 DATA outside a reply'
  if (ends) endReply(turn, frame, exchange)
  return null
}

/** Of HEADERS and PUSH_PROMISE. */
export function readBlock(turn: Turn, frame: Frame): Next | undefined {
  const { connection, dir, input } = turn
  const at = turn.used + FRAME_HEADER_OCTETS
  const scan = scanBlock(input, at, frame, connection.frameLimit[dir])
  if (scan.kind === 'next') return scan.next
  // One past the CONTINUATIONs.
  const block = scan.end === at + frame.octets ? frame : { ...frame, octets: scan.end - at }
  const isRequest = dir === 'orig' && frame.stream > connection.lastStream
  const clause = isRequest ? readNewRequest(turn, block, scan) : readOther(turn, block, scan)
  return clause === null ? pass(turn, block) : malformed(clause)
}

function readOther(turn: Turn, frame: Frame, { octets, from, to, promised }: Block): string | null {
  const { connection, dir } = turn
  const list = connection.decoders[dir].decode(octets, from, to)
  if (list.kind === 'malformed') return list.clause
  if (frame.type === PUSH_PROMISE) return promise(connection, frame, promised)
  return dir === 'orig'
    ? readTrailers(turn, frame, list.fields)
    : readReplyBlock(turn, frame, list.fields)
}

function readNewRequest(turn: Turn, frame: Frame, { octets, from, to }: Block): string | null {
  const { connection } = turn
  const decoder = connection.decoders.orig
  const { changes } = decoder.table
  const ends = (frame.flags & END_STREAM) !== 0
  const key = 4 * changes + (ends ? 2 : 0) + (connection.extendedConnect ? 1 : 0)
  const known = decoder.mustUpdate ? null : connection.memo.find(octets, from, to, key)
  if (known !== null) return openRequest(turn, frame, known)
  const list = decoder.decode(octets, from, to)
  if (list.kind === 'malformed') return list.clause
  const request = readRequest(list.fields, ends, connection.extendedConnect)
  const decoded = { list: list.fields, request }
  if (decoder.table.changes === changes) connection.memo.keep(octets, from, to, key, decoded)
  return openRequest(turn, frame, decoded)
}

function promise(connection: Connection, { stream }: Frame, promised: number): string | null {
  if (!connection.allowsPush) return 'RFC 9113 §8.4 push is not enabled'
  if (isIdle(connection, stream) || stream % 2 === 0) return CLOSED
  if (promised % 2 === 1 || promised <= connection.lastPromised) {
    return 'RFC 9113 §5.1.1 promised stream'
  }
  connection.lastPromised = promised
  return null
}

/** Of a stream that is open, or was. */
function readTrailers(turn: Turn, frame: Frame, list: readonly HeaderField[]): string | null {
  const { connection } = turn
  const { stream } = frame
  if (stream % 2 === 0) return EVEN
  // After a reset of the server's, what the client had sent still comes; but never a request.
  if (list.some(({ isPseudo }) => isPseudo)) return CLOSED
  const exchange = connection.exchanges.get(stream)
  if (exchange === undefined) return null
  if ((frame.flags & END_STREAM) === 0) return 'RFC 9113 §8.1 trailers without END_STREAM'
  const clause = takeContent(exchange, 0, true)
  closeIfEnded(connection, stream, exchange)
  return clause
}

function openRequest(turn: Turn, frame: Frame, { list, request }: DecodedRequest): string | null {
  const { connection, facts } = turn
  if (frame.stream % 2 === 0) return EVEN
  if (connection.exchanges.size >= OPEN_STREAMS) {
    return `RFC 9113 §5.1.2 more than ${OPEN_STREAMS} open streams`
  }
  const { fields, isGrpc, contentOctets } = request
  const tx = connection.nextTx++
  connection.lastStream = frame.stream
  const exchange = openExchange(tx, isGrpc, contentOctets)
  exchange.requestEnded = (frame.flags & END_STREAM) !== 0
  connection.exchanges.set(frame.stream, exchange)
  const begin = turn.at + turn.used
  const detail = () => headerDetail(list)
  facts.push({ kind: 'tx', tx, dir: 'orig', begin, fields, detail, complete: true })
  return null
}

function readReplyBlock(turn: Turn, frame: Frame, list: readonly HeaderField[]): string | null {
  const { connection } = turn
  const { stream, flags } = frame
  if (isIdle(connection, stream)) return CLOSED
  const exchange = connection.exchanges.get(stream)
  // Pushed, or of a request that the client has given up.
  if (exchange === undefined) return null
  if (exchange.replyEnded) return CLOSED
  const ends = (flags & END_STREAM) !== 0
  if (exchange.replied && !ends) return 'RFC 9113 §8.1 trailers without END_STREAM'
  const clause = exchange.replied
    ? tellTrailers(turn, exchange, list)
    : tellReply(turn, exchange, list, ends)
  if (ends && clause === null) endReply(turn, frame, exchange)
  closeIfEnded(connection, stream, exchange)
  return clause
}

function tellReply(
  turn: Turn,
  exchange: Exchange,
  list: readonly HeaderField[],
  ends: boolean,
): string | null {
  const status = statusOf(list)
  // 101 is of HTTP/1 (RFC 9113 §8.6); any other 1xx comes before a reply (RFC 9110 §15.2).
  if (status === null || status === 101) return 'RFC 9113 §8.3.2 :status'
  if (status < 200) return ends ? 'RFC 9113 §8.1 interim reply with END_STREAM' : null
  exchange.replied = true
  const grpcStatus = exchange.isGrpc ? grpcStatusOf(list) : undefined
  tell(turn, exchange, grpcStatus === undefined ? { status } : { status, grpcStatus }, list)
  return null
}

function tellTrailers(turn: Turn, exchange: Exchange, list: readonly HeaderField[]): string | null {
  if (list.some(({ isPseudo }) => isPseudo)) return 'RFC 9113 §8.1 pseudo-header in trailers'
  const grpcStatus = exchange.isGrpc ? grpcStatusOf(list) : undefined
  if (grpcStatus !== undefined) tell(turn, exchange, { grpcStatus }, list)
  return null
}

function tell(
  { at, used, facts }: Turn,
  { tx }: Exchange,
  fields: Readonly<Record<string, number>>,
  list: readonly HeaderField[],
): void {
  const detail = () => replyDetail(list)
  facts.push({ kind: 'tx', tx, dir: 'reply', begin: at + used, fields, detail, complete: true })
}

function endReply(turn: Turn, frame: Frame, exchange: Exchange): void {
  exchange.replyEnded = true
  turn.facts.push({ kind: 'txEnd', tx: exchange.tx, end: turn.at + endOf(turn, frame) })
}
