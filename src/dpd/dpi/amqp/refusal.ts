/** The server's refusal: connection.close with ACCESS_REFUSED and the method that is refused (AMQP 0-9-1 §1.4.2.8). */
import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal, TxId } from '../../../core/inspect/contract.js'
import type { Connection } from './connection.js'
import { FRAME_END, METHOD } from './frame.js'
import { CONNECTION, CONNECTION_CLOSE } from './method.js'

const ACCESS_REFUSED = 403
const TEXT = 'ACCESS_REFUSED - denied by network policy'

export function refuse(connection: Connection, tx: TxId): Refusal | null {
  const { awaitsEnd, nextTx, open, unanswered } = connection
  if (awaitsEnd.reply || tx >= nextTx) return null
  const refused = unanswered?.tx === tx ? unanswered : open.find((each) => each.tx === tx)
  // Of a method without an answer that others followed: none is named.
  const { classId, methodId } = refused?.method ?? { classId: 0, methodId: 0 }
  const payload = [
    ...[CONNECTION, CONNECTION_CLOSE, ACCESS_REFUSED].flatMap(u16),
    ...[TEXT.length, ...fromLatin1(TEXT)],
    ...[classId, methodId].flatMap(u16),
  ]
  const octets = [METHOD, 0, 0, 0, 0, ...u16(payload.length), ...payload, FRAME_END]
  return { toOpener: Uint8Array.from(octets), then: 'close' }
}

const u16 = (value: number): number[] => [value >> 8, value & 0xff]
