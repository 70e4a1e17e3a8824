/** The server's refusal of one request, and of the connection after it (RFC 9113 §6.8; gRPC: status 7). */
import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal, TxId } from '../../../core/inspect/contract.js'
import type { Connection } from './connection.js'
import { ACK, END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS } from './frame.js'

/** PERMISSION_DENIED. */
const GRPC_STATUS = '7'
const GRPC_MESSAGE = 'denied by network policy'
/** Entry of the static table whose name is meant (RFC 7541 Appendix A). */
const STATUS_200 = 8
const CONTENT_TYPE = 31
const NO_ERROR = 0

/** Only where nothing of the reply has come; null = no such request. */
export function refuse(connection: Connection, tx: TxId): Refusal | null {
  for (const [stream, exchange] of connection.exchanges) {
    if (exchange.tx !== tx) continue
    if (exchange.replied) return null
    return { toOpener: refusalOf(connection, stream, exchange.isGrpc), then: 'close' }
  }
  return null
}

function refusalOf(connection: Connection, stream: number, isGrpc: boolean): Uint8Array {
  const { settled, unacknowledged } = connection
  // What the server has not acknowledged yet is acknowledged for it: its table may have to shrink.
  const asked = unacknowledged.reply
  const block = [
    ...(connection.decoders.reply.mustUpdate || asked.some((octets) => octets >= 0)
      ? EMPTY_TABLE
      : []),
    ...(isGrpc ? GRPC_BLOCK : HTTP_BLOCK),
  ]
  return Uint8Array.from([
    ...(settled.reply ? [] : frame(SETTINGS, 0, 0, [])),
    ...asked.flatMap(() => frame(SETTINGS, ACK, 0, [])),
    ...frame(HEADERS, END_STREAM | END_HEADERS, stream, block),
    ...frame(GOAWAY, 0, 0, [...u32(stream), ...u32(NO_ERROR)]),
  ])
}

function frame(type: number, flags: number, stream: number, payload: readonly number[]): number[] {
  const { length } = payload
  return [
    length >> 16,
    (length >> 8) & 0xff,
    length & 0xff,
    type,
    flags,
    ...u32(stream),
    ...payload,
  ]
}

const u32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff)

/** Shorter than 127 octets, without Huffman (RFC 7541 §5.2). */
const text = (value: string): number[] => [value.length, ...fromLatin1(value)]

/** Literals without indexing: nothing stays in the client's table (RFC 7541 §6.2.2). */
const literal = (name: string, value: string): number[] => [0, ...text(name), ...text(value)]

/** A size update (RFC 7541 §6.3). */
const EMPTY_TABLE = [0x20]
/** The index of content-type is larger than the prefix holds (RFC 7541 §5.1). */
const HTTP_BLOCK = [STATUS_200, ...text('403')]
const GRPC_BLOCK = [
  0x80 | STATUS_200,
  0x0f,
  CONTENT_TYPE - 0x0f,
  ...text('application/grpc'),
  ...literal('grpc-status', GRPC_STATUS),
  ...literal('grpc-message', GRPC_MESSAGE),
]
