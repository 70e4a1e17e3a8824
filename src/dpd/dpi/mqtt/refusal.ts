/** The server's refusal: reason code 0x87 Not authorized, or what MQTT 3 has for it. */
import type { Refusal } from '../../../core/inspect/contract.js'
import { LEVEL_3_1, LEVEL_5, PacketType } from './packet.js'

const NOT_AUTHORIZED = 0x87
/** MQTT 3.1.1 §3.2.2.3. */
const CONNACK_NOT_AUTHORIZED = 5
/** MQTT 3.1.1 §3.9.3. */
const SUBACK_FAILURE = 0x80
/** So that the remaining length has one octet. */
const REFUSED_TOPICS = 100

export interface Awaited {
  /** Of the client's packet. */
  readonly type: number
  readonly packetId: number
  /** PUBLISH alone. */
  readonly qos: number
  readonly topics: number
}

/** Before CONNACK nothing but CONNACK may be sent; null = none fits. */
export function refuse(awaited: Awaited, level: number, connected: boolean): Refusal | null {
  if ((awaited.type === PacketType.CONNECT) === connected) return null
  const octets = level === LEVEL_5 ? refusal5(awaited) : refusal3(awaited, level)
  return octets === null ? null : { toOpener: Uint8Array.from(octets), then: 'close' }
}

function refusal3({ type, packetId, topics }: Awaited, level: number): number[] | null {
  if (type === PacketType.CONNECT) return packet(PacketType.CONNACK, [0, CONNACK_NOT_AUTHORIZED])
  // SUBACK of MQTT 3.1 can not say no; nor can any other answer of MQTT 3.
  const canFail = type === PacketType.SUBSCRIBE && level !== LEVEL_3_1 && topics <= REFUSED_TOPICS
  if (!canFail) return null
  const codes = Array.from({ length: topics }, () => SUBACK_FAILURE)
  return packet(PacketType.SUBACK, [...u16(packetId), ...codes])
}

function refusal5(awaited: Awaited): number[] | null {
  if (awaited.type === PacketType.CONNECT) {
    return packet(PacketType.CONNACK, [0, NOT_AUTHORIZED, 0])
  }
  if (awaited.topics > REFUSED_TOPICS) return null
  return [...answer5(awaited), ...packet(PacketType.DISCONNECT, [NOT_AUTHORIZED])]
}

function answer5({ type, packetId, qos, topics }: Awaited): number[] {
  const codes = Array.from({ length: topics }, () => NOT_AUTHORIZED)
  if (type === PacketType.SUBSCRIBE) {
    return packet(PacketType.SUBACK, [...u16(packetId), 0, ...codes])
  }
  if (type === PacketType.UNSUBSCRIBE) {
    return packet(PacketType.UNSUBACK, [...u16(packetId), 0, ...codes])
  }
  if (qos === 0) return []
  const ack = qos === 1 ? PacketType.PUBACK : PacketType.PUBREC
  return packet(ack, [...u16(packetId), NOT_AUTHORIZED])
}

const packet = (type: number, body: readonly number[]): number[] => [
  type << 4,
  body.length,
  ...body,
]
const u16 = (value: number): number[] => [value >> 8, value & 0xff]
