/** The packets of a client that policy asks for: whom they are from, and which topics they name. */
import type { Fields } from '../../../core/inspect/contract.js'
import type { TopicAliases } from './aliases.js'
import { readConnect } from './connect.js'
import { type Body, LEVEL_3_1, LEVEL_5, type Packet, PacketType, qosOf } from './packet.js'
import { readProperties } from './properties.js'
import { isTopicFilter, isTopicName, subscribed } from './topic.js'

/** What a client's packets leave behind. */
export interface Client {
  /** 0 = no CONNECT yet. */
  level: number
  /** null = longer than is read. */
  clientId: string | null
  readonly aliases: TopicAliases
}

export interface Request {
  readonly fields: Fields
  readonly detail?: () => Fields
  /** 0 = none, as in PUBLISH of QoS 0. */
  readonly packetId: number
  readonly topics: number
}

export interface Extent {
  readonly body: Body
  /** The body ends where the packet does. */
  readonly isWhole: boolean
  /** No more of it is read: only then a short body has effects. */
  readonly isFinal: boolean
}

export function readConnectRequest(
  client: Client,
  packet: Packet,
  { body, isFinal }: Extent,
): Request {
  const connect = readConnect(packet, body)
  const { level, clientId, hasWill, willTopic, username } = connect
  if (body.clause === null && (isFinal || !body.short)) {
    client.level = level
    client.clientId = clientId
  }
  const topics: Fields = hasWill && willTopic !== null ? { topics: [willTopic] } : {}
  const ambiguous = hasWill && willTopic === null ? ['topics'] : []
  return {
    fields: fieldsOf(client, 'CONNECT', topics, ambiguous),
    detail: () => ({ level, ...(username === null ? {} : { username }) }),
    packetId: 0,
    topics: 0,
  }
}

export function readPublish(client: Client, packet: Packet, extent: Extent): Request {
  const { body } = extent
  const { reader } = body
  const topic = body.text()
  const hasTopic = !reader.short
  if (hasTopic && topic !== '' && !isTopicName(topic)) {
    body.clause ??= 'MQTT 5.0 §3.3.2.1 wildcard in a topic name'
  }
  const packetId = qosOf(packet) === 0 ? 0 : readPacketId(body)
  const alias = client.level === LEVEL_5 ? readProperties(body).topicAlias : 0
  const named = body.clause === null ? resolve(client, extent, topic, alias) : null
  return {
    fields: fieldsOf(
      client,
      'PUBLISH',
      named === null ? {} : { topics: [named] },
      named === null ? ['topics'] : [],
    ),
    packetId,
    topics: 1,
  }
}

/** null = an alias whose topic is not known. */
function resolve(client: Client, { body, isFinal }: Extent, topic: string, alias: number) {
  const { aliases, level } = client
  if (body.short) {
    if (isFinal) aliases.forgetAll()
    return topic === '' ? null : topic
  }
  if (topic === '') {
    if (alias === 0) body.clause = `MQTT ${level === LEVEL_5 ? '5.0' : '3.1.1'} §4.7.3 empty topic`
    return aliases.topics.get(alias) ?? null
  }
  if (alias !== 0) aliases.set(alias, topic)
  return topic
}

export function readSubscribe(client: Client, packet: Packet, { body, isWhole }: Extent): Request {
  const { reader } = body
  const isSubscribe = packet.type === PacketType.SUBSCRIBE
  const packetId = readPacketId(body)
  if (client.level === LEVEL_5) readProperties(body)
  const topics: string[] = []
  let filters = 0
  while (reader.left > 0 && body.clause === null) {
    const filter = body.text()
    const options = isSubscribe ? reader.u8() : 0
    if (reader.short) break
    body.clause ??= malformedFilter(filter, options, client.level)
    topics.push(...subscribed(filter))
    filters++
  }
  if (isWhole && !body.short && topics.length === 0)
    body.clause ??= 'MQTT 5.0 §3.8.3 no topic filter'
  return {
    fields: fieldsOf(
      client,
      isSubscribe ? 'SUBSCRIBE' : 'UNSUBSCRIBE',
      { topics },
      isWhole ? [] : ['topics'],
    ),
    packetId,
    topics: filters,
  }
}

/** §3.8.3.1; MQTT 3.1 says nothing of the bits beside QoS. */
const RESERVED_OPTIONS: Readonly<Record<number, number>> = { 4: 0xfc, 5: 0xc0 }

function malformedFilter(filter: string, options: number, level: number): string | null {
  if (!isTopicFilter(filter)) return 'MQTT 5.0 §4.7.1 topic filter'
  const reserved = level === LEVEL_3_1 ? 0 : (RESERVED_OPTIONS[level] ?? 0)
  const isOdd = (options & 3) === 3 || (options & reserved) !== 0
  return isOdd ? 'MQTT 5.0 §3.8.3.1 subscription options' : null
}

function readPacketId(body: Body): number {
  const id = body.reader.u16be()
  if (id === 0 && !body.short) body.clause ??= 'MQTT 5.0 §2.2.1 packet identifier 0'
  return id
}

function fieldsOf(
  { clientId }: Client,
  packet: string,
  topics: Fields,
  ambiguous: readonly string[],
): Fields {
  const open = clientId === null ? [...ambiguous, 'clientId'] : ambiguous
  return {
    packet,
    ...topics,
    ...(clientId === null ? {} : { clientId }),
    ...(open.length === 0 ? {} : { ambiguous: open }),
  }
}
