/** A connection without an open stream: what was agreed on, and both header tables. */
import type { At, TxId } from '../../../core/inspect/contract.js'
import { type Connection, openConnection } from './connection.js'
import { HpackDecoder, type SavedDecoder } from './hpack/decoder.js'

type SavedConnection = readonly [
  frameLimitOrig: number,
  frameLimitReply: number,
  allowsPush: boolean,
  extendedConnect: boolean,
  lastStream: number,
  lastPromised: number,
  nextTx: TxId,
  replyAt: At,
  orig: SavedDecoder,
  reply: SavedDecoder,
]

export function saveConnection(connection: Connection): SavedConnection | null {
  const { prefaced, settled, unacknowledged, exchanges, frameLimit, decoders } = connection
  const isBegun = prefaced && settled.orig && settled.reply
  const isAgreed = unacknowledged.orig.length === 0 && unacknowledged.reply.length === 0
  if (!isBegun || !isAgreed || exchanges.size > 0) return null
  const { allowsPush, extendedConnect, lastStream, lastPromised, nextTx, replyAt } = connection
  return [
    frameLimit.orig,
    frameLimit.reply,
    allowsPush,
    extendedConnect,
    lastStream,
    lastPromised,
    nextTx,
    replyAt,
    decoders.orig.save(),
    decoders.reply.save(),
  ]
}

export function restoreConnection(saved: SavedConnection): Connection {
  const [limitOrig, limitReply, allowsPush, extendedConnect, ...counts] = saved
  const [lastStream, lastPromised, nextTx, replyAt, orig, reply] = counts
  return {
    ...openConnection(),
    prefaced: true,
    settled: { orig: true, reply: true },
    frameLimit: { orig: limitOrig, reply: limitReply },
    ...{ allowsPush, extendedConnect, lastStream, lastPromised, nextTx, replyAt },
    decoders: { orig: HpackDecoder.restore(orig), reply: HpackDecoder.restore(reply) },
  }
}
