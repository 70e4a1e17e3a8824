/** Kafka's protocol, all versions up to 4.1: one transaction per request. */
import { Reader } from '../../../core/bytes.js'
import type {
  At,
  Dir,
  Fact,
  FlowView,
  Next,
  Parser,
  Step,
  TxId,
} from '../../../core/inspect/contract.js'
import { anyOf, NO_OCTET } from '../begins.js'
import { SASL_HANDSHAKE } from './api.js'
import { type Header, messageOctets, readRequestHeader, SIZE_OCTETS } from './header.js'
import { PROBE_OCTETS, probeKafka } from './probe.js'
import { canRefuse, refuse } from './refusal.js'
import { type Answered, readReply } from './reply.js'
import type { Broker } from './reply-writer.js'
import { type Request, readRequest } from './request.js'
import { tokensOf } from './sasl.js'
import { KnownTopics, SESSION_TOPICS, TOPIC_IDS } from './topics.js'

/** Clients keep 5 requests in flight (max.in.flight.requests.per.connection), librdkafka more; the oldest ends when another comes. */
export const OPEN_TX = 128
/** Of a request or reply: below what a hold may keep of one direction. */
export const HEAD_OCTETS = 12_288
/** A topic's name has at most 249 octets. */
const STATE_OCTETS = 320 * (TOPIC_IDS + SESSION_TOPICS) + 512 * OPEN_TX + HEAD_OCTETS
const REPLY_HEAD_OCTETS = 8

interface Open extends Answered {
  readonly tx: TxId
  readonly correlationId: number
  /** Of SaslHandshake version 0; else null. */
  readonly mechanism: string | null
}

interface KafkaState {
  readonly known: KnownTopics
  /** Tokens of SASL that come next in that direction. */
  readonly tokens: Record<Dir, number>
  /** Only where the server agrees, tokens come next: elsewhere they would be requests to it. */
  awaitsHandshake: boolean
  nextTx: TxId
  open: Open[]
  /** The request of `open[0]`, while no other is open: clients take replies in order. */
  asked: Uint8Array | null
  /** One past the server's last message. */
  replyAt: At
  readonly broker: Broker
}

const openState = ({ tuple }: FlowView): KafkaState => ({
  known: new KnownTopics(),
  tokens: { orig: 0, reply: 0 },
  awaitsHandshake: false,
  nextTx: 0,
  open: [],
  asked: null,
  replyAt: 0,
  broker: { host: tuple.destination, port: tuple.destinationPort },
})

const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})

function step(state: KafkaState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length < SIZE_OCTETS) return need(input.length === 0 ? 1 : SIZE_OCTETS)
  if (dir === 'orig' && state.awaitsHandshake) {
    return { take: 0, facts: [], next: { kind: 'await' } }
  }
  if (state.tokens[dir] > 0) return passToken(state, dir, input, at)
  const octets = messageOctets(input)
  if (octets < 0) return malformed('Kafka protocol guide: message size')
  return dir === 'orig' ? ask(state, input, at, octets) : answer(state, input, at, octets)
}

/** Also one of no octets: the server's end of PLAIN. */
function passToken(state: KafkaState, dir: Dir, input: Uint8Array, at: At): Step {
  state.tokens[dir]--
  const octets = SIZE_OCTETS + new Reader(input).u32be()
  return pass(state, dir, input, at, octets, [])
}

function ask(state: KafkaState, input: Uint8Array, at: At, octets: number): Step {
  const wanted = Math.min(octets, HEAD_OCTETS)
  const isFinal = input.length >= wanted
  const reader = new Reader(input, 0, wanted)
  const header = readRequestHeader(reader)
  if (typeof header === 'string') return malformed(header)
  if (reader.short) return isFinal ? malformed(HEADER) : need(input.length + 1)
  const from = reader.at
  const request = readRequest(state.known, header, reader, isFinal)
  if (request === null) return need(input.length + 1)
  if (reader.short && wanted === octets) return malformed('Kafka protocol guide: message size')
  const mechanism = handshakeOf(header, new Reader(input, from, wanted))
  state.awaitsHandshake = mechanism !== null
  const isNext = state.open.length === 0 && !request.isSilent
  if (isNext) state.asked = canRefuse(header) ? input.slice(0, wanted) : null
  return pass(state, 'orig', input, at, octets, begin(state, at, header, request, mechanism))
}

const HEADER = 'Kafka protocol guide: request header'

/** The mechanism of a SaslHandshake after which bare tokens come; null = none do. */
function handshakeOf({ key, version }: Header, reader: Reader): string | null {
  if (key !== SASL_HANDSHAKE || version !== 0) return null
  const octets = reader.octets(reader.u16be())
  return String.fromCharCode(...octets)
}

function begin(
  state: KafkaState,
  at: At,
  { api, version, correlationId }: Header,
  { fields, detail, isSilent }: Request,
  mechanism: string | null,
): Fact[] {
  const tx = state.nextTx++
  const facts: Fact[] = [{ kind: 'tx', tx, dir: 'orig', begin: at, fields, detail, complete: true }]
  if (isSilent) facts.push({ kind: 'txEnd', tx, end: state.replyAt })
  else state.open.push({ tx, api, version, correlationId, mechanism })
  if (state.open.length <= OPEN_TX) return facts
  const oldest = state.open.shift()
  state.asked = null
  if (oldest !== undefined) facts.push({ kind: 'txEnd', tx: oldest.tx, end: state.replyAt })
  return facts
}

/** Records are passed: a reply is read for its error, or the identifiers of topics. */
function answer(state: KafkaState, input: Uint8Array, at: At, octets: number): Step {
  if (octets < REPLY_HEAD_OCTETS) return malformed('Kafka protocol guide: message size')
  const wanted = Math.min(octets, HEAD_OCTETS)
  if (input.length < wanted) return need(wanted)
  const reader = new Reader(input, SIZE_OCTETS, wanted)
  const correlationId = reader.u32be()
  const index = state.open.findIndex((open) => open.correlationId === correlationId)
  const open = state.open[index]
  if (open === undefined) return pass(state, 'reply', input, at, octets, [])
  state.open.splice(index, 1)
  state.asked = null
  const fields = readReply(state.known, open, reader)
  const { tx, mechanism } = open
  const facts: Fact[] = [
    { kind: 'tx', tx, dir: 'reply', begin: at, fields, complete: true },
    { kind: 'txEnd', tx, end: at + octets },
  ]
  const isAgreed = mechanism === null || agree(state, mechanism, fields.status === 'ok')
  if (isAgreed) return pass(state, 'reply', input, at, octets, facts)
  facts.push({ kind: 'flow', fields: { sasl: mechanism ?? '' } })
  return { take: Math.min(octets, input.length), facts, next: { kind: 'done' } }
}

/** False where it is open how many tokens come. */
function agree(state: KafkaState, mechanism: string, isOk: boolean): boolean {
  const tokens = isOk ? tokensOf(mechanism) : 0
  state.awaitsHandshake = false
  state.tokens.orig = tokens ?? 0
  state.tokens.reply = tokens ?? 0
  return tokens !== null
}

function pass(
  state: KafkaState,
  dir: Dir,
  input: Uint8Array,
  at: At,
  octets: number,
  facts: readonly Fact[],
): Step {
  if (dir === 'reply') state.replyAt = at + octets
  const rest = octets - input.length
  const next: Next = rest > 0 ? { kind: 'skip', octets: rest } : { kind: 'need', octets: 1 }
  return { take: Math.min(octets, input.length), facts, next }
}

export const kafka: Parser<KafkaState> = {
  app: 'kafka',
  transport: ['tcp'],
  limits: {
    windowOctets: HEAD_OCTETS,
    stateOctets: STATE_OCTETS,
    openTx: OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf('\0'), reply: NO_OCTET },
  probe: probeKafka,
  open: openState,
  step,
  // Messages have no mark to find their beginning by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: ({ open, asked, broker }, tx) =>
    asked === null || open[0]?.tx !== tx ? null : refuse(asked, broker),
}
