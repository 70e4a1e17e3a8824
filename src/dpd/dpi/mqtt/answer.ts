/** What the server answers: CONNACK and the acknowledgements (§3.2, §3.4 to §3.11). */
import type { Fields } from '../../../core/inspect/contract.js'
import { type Body, LEVEL_5, type Packet, PacketType } from './packet.js'
import { readProperties } from './properties.js'

/** From here on a reason code, and a SUBACK's return code, is an error (§2.4). */
const ERROR = 0x80

export interface Answer {
  /** 0 = CONNACK's, of no packet identifier. */
  readonly packetId: number
  readonly fields: Fields
  /** PUBREC without an error: PUBCOMP is still to come. */
  readonly isInterim: boolean
}

/** Of CONNACK, PUBACK, PUBREC, PUBCOMP, SUBACK or UNSUBACK. */
export function readAnswer(packet: Packet, body: Body, level: number): Answer {
  if (packet.type === PacketType.CONNACK) return readConnack(body, level)
  const isList = packet.type === PacketType.SUBACK || packet.type === PacketType.UNSUBACK
  return isList ? readCodes(body, level) : readAck(packet, body)
}

function readConnack(body: Body, level: number): Answer {
  body.reader.skip(1)
  const code = body.reader.u8()
  const given = level === LEVEL_5 ? readProperties(body).assignedClientId : null
  const assigned: Fields = given === null || body.short ? {} : { assignedClientId: given }
  return { packetId: 0, fields: { ...outcome(code !== 0, code), ...assigned }, isInterim: false }
}

function readAck(packet: Packet, body: Body): Answer {
  const packetId = body.reader.u16be()
  // Where nothing follows the packet identifier, the code is 0 (§3.4.2.1).
  const code = body.reader.left > 0 ? body.reader.u8() : 0
  const isError = code >= ERROR
  const isInterim = packet.type === PacketType.PUBREC && !isError
  return { packetId, fields: outcome(isError, code), isInterim }
}

/** One code a topic; the first error is the answer's. */
function readCodes(body: Body, level: number): Answer {
  const { reader } = body
  const packetId = reader.u16be()
  if (level === LEVEL_5) readProperties(body)
  let first = -1
  let error = -1
  while (reader.left > 0 && error < 0) {
    const code = reader.u8()
    if (first < 0) first = code
    if (code >= ERROR) error = code
  }
  const code = error >= 0 ? error : first
  const fields = code < 0 ? { status: 'ok' } : outcome(error >= 0, code)
  return { packetId, fields, isInterim: false }
}

const outcome = (isError: boolean, code: number): Fields =>
  isError ? { status: 'error', code } : { status: 'ok' }
