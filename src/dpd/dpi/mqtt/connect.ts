/** CONNECT (§3.1): who the client is, and the will that the server publishes for it. */
import { type Body, BRIDGE, LEVEL_3_1, LEVEL_5, type Packet } from './packet.js'
import { readProperties } from './properties.js'
import { isTopicName } from './topic.js'

const RESERVED = 0x01
const WILL = 0x04
const WILL_QOS_RETAIN = 0x38
const WILL_QOS = 0x18
const PASSWORD = 0x40
const USERNAME = 0x80

export interface Connect {
  readonly level: number
  /** null = not reached, as in the others. */
  readonly clientId: string | null
  readonly hasWill: boolean
  readonly willTopic: string | null
  readonly username: string | null
}

export function readConnect(packet: Packet, body: Body): Connect {
  const { reader } = body
  const name = body.text()
  const level = reader.u8() & ~BRIDGE
  const flags = reader.u8()
  reader.skip(2)
  body.clause ??= reader.short ? null : malformedHead(name, level, flags)
  body.clause ??= reader.short ? null : malformedReserved(packet, level, flags)
  if (level === LEVEL_5) readProperties(body)
  const clientId = read(body)
  const hasWill = (flags & WILL) !== 0
  const willTopic = hasWill ? readWill(body, level) : null
  const username = flags & USERNAME ? read(body) : null
  if (flags & PASSWORD) body.skipBinary()
  return { level, clientId, hasWill, willTopic, username }
}

function read(body: Body): string | null {
  const text = body.text()
  return body.short ? null : text
}

function readWill(body: Body, level: number): string | null {
  if (level === LEVEL_5) readProperties(body)
  const topic = read(body)
  if (topic !== null && !isTopicName(topic)) body.clause ??= 'MQTT 5.0 §3.1.3.3 will topic'
  body.skipBinary()
  return topic
}

function malformedHead(name: string, level: number, flags: number): string | null {
  if (!isProtocol(name, level)) return 'MQTT 5.0 §3.1.2.1 protocol name or level'
  const hasWill = (flags & WILL) !== 0
  if (!hasWill && flags & WILL_QOS_RETAIN) return 'MQTT 5.0 §3.1.2.6 flags of no will'
  if ((flags & WILL_QOS) === WILL_QOS) return 'MQTT 5.0 §3.1.2.6 will QoS 3'
  if (level !== LEVEL_5 && flags & PASSWORD && !(flags & USERNAME)) {
    return 'MQTT 3.1.1 §3.1.2.9 password without a user name'
  }
  return null
}

/** MQTT 3.1 does not use these bits (§3.1), and servers do not look at them. */
function malformedReserved(packet: Packet, level: number, flags: number): string | null {
  if (level === LEVEL_3_1) return null
  if (packet.flags !== 0) return 'MQTT 5.0 §2.1.3 reserved flags'
  return flags & RESERVED ? 'MQTT 5.0 §3.1.2.3 reserved flag' : null
}

export const isProtocol = (name: string, level: number): boolean =>
  level === LEVEL_3_1 ? name === 'MQIsdp' : name === 'MQTT' && (level === 4 || level === LEVEL_5)
