/** PostgreSQL, protocol 3: one transaction per statement, at Query, Parse and Execute. */
import { Reader } from '../../../core/bytes.js'
import type { At, Dir, Fact, Next, Parser, Step } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { anyOf, NO_OCTET } from '../begins.js'
import { isKnown, readableOctets as readableOfServer, takeMessage } from './backend.js'
import { readableOctets as readableOfClient, readMessage } from './frontend.js'
import { HEADER_OCTETS, type Header, readHeader } from './message.js'
import { PROBE_OCTETS, probePostgresql } from './probe.js'
import { denied } from './refusal.js'
import {
  OPEN_MESSAGES,
  OPEN_TX,
  openSession,
  type PostgresqlState,
  restoreSession,
  saveSession,
} from './session.js'
import { readParameters, readStartupHeader, STARTUP_HEADER_OCTETS } from './startup.js'

const PASSWORD = 'p'
/** Answers to a request to encrypt. */
const SSL_ACCEPTED = 0x53
const GSS_ACCEPTED = 0x47
const REFUSED = 0x4e
const ERROR_RESPONSE = 0x45

const AWAIT: Step = { take: 0, facts: [], next: { kind: 'await' } }
const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause: `PostgreSQL protocol, ${clause}` },
})

function step(state: PostgresqlState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(1)
  return dir === 'orig' ? stepClient(state, input, at) : stepServer(state, input, at)
}

function stepClient(state: PostgresqlState, input: Uint8Array, at: At): Step {
  switch (state.phase) {
    case 'startup':
      return startup(state, input, at)
    case 'encryption':
    case 'refused':
      return AWAIT
    default:
      return clientMessage(state, input, at)
  }
}

function startup(state: PostgresqlState, input: Uint8Array, at: At): Step {
  if (input.length < STARTUP_HEADER_OCTETS) return need(STARTUP_HEADER_OCTETS)
  const packet = readStartupHeader(input)
  if (packet === null) return malformed('startup packet')
  const { kind, octets } = packet
  if (input.length < octets) return need(octets)
  if (kind === 'cancel') {
    // Nothing follows, in either direction.
    state.phase = 'refused'
    return taken(octets, [{ kind: 'flow', fields: { cancel: true } }])
  }
  if (kind === 'start') return start(state, input.subarray(0, octets))
  state.phase = 'encryption'
  state.asked = kind
  state.askedEnd = at + octets
  return taken(octets)
}

function start(state: PostgresqlState, packet: Uint8Array): Step {
  const parameters = readParameters(packet)
  if (parameters === null) return malformed('startup parameters')
  const { user, database, replication } = parameters
  state.user = user
  state.database = database
  state.phase = 'authentication'
  const fields: FieldsDraft = { user, database }
  if (replication) fields.replication = replication
  return taken(packet.length, [{ kind: 'flow', fields }])
}

const taken = (take: number, facts: readonly Fact[] = []): Step => ({
  take,
  facts,
  next: { kind: 'need', octets: 1 },
})

function clientMessage(state: PostgresqlState, input: Uint8Array, at: At): Step {
  const header = readHeader(input)
  if (header === null) return need(HEADER_OCTETS)
  if (header.octets < 0) return malformed('message length')
  if (state.phase === 'authentication') {
    return header.type === PASSWORD ? passed(header, 0) : AWAIT
  }
  // Until then the server tells how it reads text.
  if (!state.ready) return AWAIT
  if (isFull(state)) return AWAIT
  const read = Math.min(header.octets, readableOfClient(header.type))
  if (input.length < HEADER_OCTETS + read) return need(HEADER_OCTETS + read)
  const octets = input.subarray(HEADER_OCTETS, HEADER_OCTETS + read)
  const body = { octets, whole: read === header.octets, begin: at }
  const facts = readMessage(state, header.type, body)
  return typeof facts === 'string' ? malformed(facts) : passed(header, read, facts)
}

function isFull({ open }: PostgresqlState): boolean {
  let txs = 0
  for (const { groups } of open) for (const group of groups) txs += group.length
  return open.length >= OPEN_MESSAGES || txs >= OPEN_TX
}

/** `read` octets of the body are taken, the others say nothing. */
function passed(header: Header, read: number, facts: readonly Fact[] = []): Step {
  const rest = header.octets - read
  const next: Next = rest > 0 ? { kind: 'skip', octets: rest } : { kind: 'need', octets: 1 }
  return { take: HEADER_OCTETS + read, facts, next }
}

function stepServer(state: PostgresqlState, input: Uint8Array, at: At): Step {
  if (state.phase === 'startup') return AWAIT
  if (state.phase === 'encryption' && input[0] !== ERROR_RESPONSE) {
    return encryption(state, new Reader(input).u8(), at)
  }
  const header = readHeader(input)
  if (header === null) return need(HEADER_OCTETS)
  if (header.octets < 0 || !isKnown(header.type)) return malformed('message of the server')
  const read = Math.min(header.octets, readableOfServer(header.type))
  if (input.length < HEADER_OCTETS + read) return need(HEADER_OCTETS + read)
  const body = input.subarray(HEADER_OCTETS, HEADER_OCTETS + read)
  const end = at + HEADER_OCTETS + header.octets
  return passed(header, read, takeMessage(state, { type: header.type, body, begin: at, end }))
}

function encryption(state: PostgresqlState, answer: number, at: At): Step {
  if (answer === REFUSED) {
    state.phase = 'startup'
    return taken(1)
  }
  if (state.asked === 'ssl' && answer === SSL_ACCEPTED) {
    const from = { orig: state.askedEnd, reply: at + 1 }
    return { take: 1, facts: [], next: { kind: 'switch', app: 'tls', from } }
  }
  if (state.asked === 'gss' && answer === GSS_ACCEPTED) {
    const fields = { gssEncryption: true }
    return { take: 1, facts: [{ kind: 'flow', fields }], next: { kind: 'done' } }
  }
  return malformed('answer to a request to encrypt')
}

export const postgresql: Parser<PostgresqlState> = {
  app: 'postgresql',
  transport: ['tcp'],
  limits: {
    // The part of a statement that is read, with some of what is pipelined after it.
    windowOctets: 32_768,
    stateOctets: 262_144,
    openTx: 2 * OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf('\0'), reply: NO_OCTET },
  probe: probePostgresql,
  open: openSession,
  step,
  // Messages have no mark to find their beginning by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: denied,
  rest: { save: saveSession, restore: restoreSession },
}
