/** What a connection's frames leave behind: settings, streams, the two header encoders' state. */
import type { At, Dir, Fact, TxId } from '../../../core/inspect/contract.js'
import { HpackDecoder } from './hpack/decoder.js'
import { RequestMemo } from './request-memo.js'

/** RFC 9113 §6.5.2. */
export const FRAME_OCTETS = 16_384
/** Servers allow 100 to 250; those of gRPC name no number, and their clients stay far below this one. */
export const OPEN_STREAMS = 1_024

/** A request stream that is not closed. */
export interface Exchange {
  readonly tx: TxId
  readonly isGrpc: boolean
  /** What content-length says of the DATA to come; -1 = nothing. */
  readonly contentOctets: number
  dataOctets: number
  requestEnded: boolean
  /** The final reply's header has come. */
  replied: boolean
  replyEnded: boolean
}

export interface Connection {
  /** The client's preface is whole; true from the first where only frames may come. */
  prefaced: boolean
  /** That direction's first frame, SETTINGS, has come (RFC 9113 §3.4). */
  readonly settled: Record<Dir, boolean>
  readonly decoders: Readonly<Record<Dir, HpackDecoder>>
  readonly memo: RequestMemo
  /** SETTINGS that a direction has not acknowledged: what each says of its header table, -1 = nothing. */
  readonly unacknowledged: Readonly<Record<Dir, number[]>>
  /** What the other direction's SETTINGS_MAX_FRAME_SIZE ever allowed. */
  readonly frameLimit: Record<Dir, number>
  allowsPush: boolean
  /** The server's SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3). */
  extendedConnect: boolean
  readonly exchanges: Map<number, Exchange>
  /** The highest that a client opened, and a server promised. */
  lastStream: number
  lastPromised: number
  nextTx: TxId
  /** Where the replies stand: a transaction that the client ends, ends there. */
  replyAt: At
}

export function openConnection(): Connection {
  return {
    prefaced: false,
    settled: { orig: false, reply: false },
    decoders: { orig: new HpackDecoder(), reply: new HpackDecoder() },
    memo: new RequestMemo(),
    unacknowledged: { orig: [], reply: [] },
    frameLimit: { orig: FRAME_OCTETS, reply: FRAME_OCTETS },
    allowsPush: true,
    extendedConnect: false,
    exchanges: new Map(),
    lastStream: 0,
    lastPromised: 0,
    nextTx: 0,
    replyAt: 0,
  }
}

/** The request of the upgrade is stream 1's, and has been sent (RFC 7540 §3.2). */
export function openUpgraded(tx: TxId): Connection {
  const connection = openConnection()
  connection.exchanges.set(1, { ...openExchange(tx, false, -1), requestEnded: true })
  connection.lastStream = 1
  connection.nextTx = tx + 1
  return connection
}

export const openExchange = (tx: TxId, isGrpc: boolean, contentOctets: number): Exchange => ({
  tx,
  isGrpc,
  contentOctets,
  dataOctets: 0,
  requestEnded: false,
  replied: false,
  replyEnded: false,
})

export function closeStream(connection: Connection, stream: number, facts: Fact[]): void {
  const exchange = connection.exchanges.get(stream)
  if (exchange === undefined) return
  connection.exchanges.delete(stream)
  if (!exchange.replyEnded) facts.push({ kind: 'txEnd', tx: exchange.tx, end: connection.replyAt })
}

/** Both sides have said their last. */
export function closeIfEnded(connection: Connection, stream: number, exchange: Exchange): void {
  if (exchange.requestEnded && exchange.replyEnded) connection.exchanges.delete(stream)
}
