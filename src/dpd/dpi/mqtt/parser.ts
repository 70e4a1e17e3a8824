/** MQTT 3.1, 3.1.1 and 5.0 over TCP: one transaction per CONNECT, PUBLISH, SUBSCRIBE and UNSUBSCRIBE of the client. */
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
import { NO_OCTET } from '../begins.js'
import { ALIAS_CHARACTERS, ALIASES, TopicAliases } from './aliases.js'
import { readAnswer } from './answer.js'
import { Body, malformedHeader, type Packet, PacketType, qosOf, readHeader } from './packet.js'
import { CONNECTS, PROBE_OCTETS, probeMqtt } from './probe.js'
import { type Awaited, refuse } from './refusal.js'
import {
  type Client,
  type Extent,
  type Request,
  readConnectRequest,
  readPublish,
  readSubscribe,
} from './request.js'

/** Requests without an answer that are kept (a broker's Receive Maximum is 20 to 100); the oldest ends when another comes. */
export const OPEN_TX = 128
/** Of a packet: below what a hold may keep of one direction. */
export const HEAD_OCTETS = 8_192
/** Each open transaction has some 8 numbers. */
const STATE_OCTETS = ALIAS_CHARACTERS + 32 * ALIASES + 128 * OPEN_TX + HEAD_OCTETS

/** Which of the client's packets an answer is to. */
const ANSWERED: Readonly<Record<number, number>> = {
  [PacketType.CONNACK]: PacketType.CONNECT,
  [PacketType.PUBACK]: PacketType.PUBLISH,
  [PacketType.PUBREC]: PacketType.PUBLISH,
  [PacketType.PUBCOMP]: PacketType.PUBLISH,
  [PacketType.SUBACK]: PacketType.SUBSCRIBE,
  [PacketType.UNSUBACK]: PacketType.UNSUBSCRIBE,
}

interface Open extends Awaited {
  readonly tx: TxId
}

interface MqttState extends Client {
  /** CONNACK has come. */
  connected: boolean
  nextTx: TxId
  open: Open[]
  /** One past the server's last packet. */
  replyAt: At
}

const openState = (): MqttState => ({
  level: 0,
  clientId: '',
  aliases: new TopicAliases(),
  connected: false,
  nextTx: 0,
  open: [],
  replyAt: 0,
})

const LENGTH = 'MQTT 5.0 §2.1.4 remaining length'

const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})

function step(state: MqttState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(1)
  // What the client has not said whole yet decides how the server's answer is read.
  if (dir === 'reply' && state.level === 0) return { take: 0, facts: [], next: { kind: 'await' } }
  const packet = readHeader(input)
  if (packet === null) return need(input.length + 1)
  if (typeof packet === 'string') return malformed(packet)
  const clause = malformedHeader(packet, dir, state.level) ?? outOfOrder(state, dir, packet)
  if (clause !== null) return malformed(clause)
  return dir === 'orig'
    ? fromClient(state, input, at, packet)
    : fromServer(state, input, at, packet)
}

function outOfOrder(state: MqttState, dir: Dir, { type }: Packet): string | null {
  if (dir === 'orig') {
    const isConnect = type === PacketType.CONNECT
    if (state.level === 0) return isConnect ? null : 'MQTT 5.0 §3.1 the first packet is not CONNECT'
    return isConnect ? 'MQTT 5.0 §3.1 a second CONNECT' : null
  }
  if (type === PacketType.CONNACK) {
    return state.connected ? 'MQTT 5.0 §3.2 a second CONNACK' : null
  }
  const isEarly = type === PacketType.AUTH || type === PacketType.DISCONNECT
  return state.connected || isEarly ? null : 'MQTT 5.0 §3.2 the first packet is not CONNACK'
}

function fromClient(state: MqttState, input: Uint8Array, at: At, packet: Packet): Step {
  const wanted = Math.min(packet.octets, HEAD_OCTETS)
  const isFinal = input.length >= wanted
  const isWhole = isFinal && wanted === packet.octets
  // Of a list all is wanted; of the others as far as their topic.
  const isList = packet.type === PacketType.SUBSCRIBE || packet.type === PacketType.UNSUBSCRIBE
  if (isList && !isFinal) return need(wanted)
  const body = new Body(input.subarray(0, wanted), packet.headerOctets)
  const request = readRequest(state, packet, { body, isWhole, isFinal })
  if (request === null) return pass(state, 'orig', input, at, packet, [])
  if (body.clause !== null) return malformed(body.clause)
  if (body.short && !isFinal) return need(input.length + 1)
  if (body.short && isWhole) return malformed(LENGTH)
  return pass(state, 'orig', input, at, packet, begin(state, at, packet, request))
}

function readRequest(state: MqttState, packet: Packet, extent: Extent): Request | null {
  switch (packet.type) {
    case PacketType.CONNECT:
      return readConnectRequest(state, packet, extent)
    case PacketType.PUBLISH:
      return readPublish(state, packet, extent)
    case PacketType.SUBSCRIBE:
    case PacketType.UNSUBSCRIBE:
      return readSubscribe(state, packet, extent)
    default:
      // Keep-alive, acknowledgements and the end of it ask for nothing.
      return null
  }
}

function begin(state: MqttState, at: At, packet: Packet, request: Request): Fact[] {
  const { fields, detail, packetId, topics } = request
  const { type } = packet
  const tx = state.nextTx++
  const told = { kind: 'tx', tx, dir: 'orig', begin: at, fields, complete: true } as const
  const facts: Fact[] = [detail === undefined ? told : { ...told, detail }]
  const qos = type === PacketType.PUBLISH ? qosOf(packet) : 0
  if (type === PacketType.PUBLISH && qos === 0) {
    facts.push({ kind: 'txEnd', tx, end: state.replyAt })
    return facts
  }
  // Sent again, or the identifier reused: the answer is to the last.
  const again = state.open.findIndex((open) => packetId !== 0 && open.packetId === packetId)
  const replaced = again < 0 ? undefined : state.open.splice(again, 1)[0]
  if (replaced !== undefined) facts.push({ kind: 'txEnd', tx: replaced.tx, end: state.replyAt })
  state.open.push({ tx, type, packetId, qos, topics })
  const oldest = state.open.length > OPEN_TX ? state.open.shift() : undefined
  if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: state.replyAt })
  return facts
}

/** Deliveries to the client tell nothing: its SUBSCRIBE is what asked for them. */
function fromServer(state: MqttState, input: Uint8Array, at: At, packet: Packet): Step {
  const asked = ANSWERED[packet.type]
  if (asked === undefined) return pass(state, 'reply', input, at, packet, [])
  const wanted = Math.min(packet.octets, HEAD_OCTETS)
  if (input.length < wanted) return need(wanted)
  const body = new Body(input.subarray(0, wanted), packet.headerOctets)
  const { packetId, fields, isInterim } = readAnswer(packet, body, state.level)
  if (body.clause !== null) return malformed(body.clause)
  if (body.short && wanted === packet.octets) return malformed(LENGTH)
  state.connected = true
  const index = state.open.findIndex((open) => open.type === asked && open.packetId === packetId)
  const open = state.open[index]
  if (open === undefined || isInterim) return pass(state, 'reply', input, at, packet, [])
  state.open.splice(index, 1)
  const { tx } = open
  return pass(state, 'reply', input, at, packet, [
    { kind: 'tx', tx, dir: 'reply', begin: at, fields, complete: true },
    { kind: 'txEnd', tx, end: at + packet.octets },
  ])
}

function pass(
  state: MqttState,
  dir: Dir,
  input: Uint8Array,
  at: At,
  packet: Packet,
  facts: readonly Fact[],
): Step {
  if (dir === 'reply') state.replyAt = at + packet.octets
  const rest = packet.octets - input.length
  const next: Next = rest > 0 ? { kind: 'skip', octets: rest } : { kind: 'need', octets: 1 }
  return { take: Math.min(packet.octets, input.length), facts, next }
}

function refusal(state: MqttState, tx: TxId): Refusal | null {
  const { level, connected, open, nextTx } = state
  const awaited = open.find((each) => each.tx === tx)
  if (awaited !== undefined) return refuse(awaited, level, connected)
  return tx < nextTx ? refuse(UNANSWERED, level, connected) : null
}

/** A PUBLISH of QoS 0. */
const UNANSWERED: Awaited = { type: PacketType.PUBLISH, packetId: 0, qos: 0, topics: 1 }

export const mqtt: Parser<MqttState> = {
  app: 'mqtt',
  transport: ['tcp'],
  limits: {
    windowOctets: HEAD_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: CONNECTS, reply: NO_OCTET },
  probe: probeMqtt,
  open: openState,
  step,
  // Packets have no mark to find their beginning by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal,
}
