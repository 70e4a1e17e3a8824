/**
 * TLS while it is in clear (RFC 8446, RFC 5246): the ClientHello decides the one transaction; the ServerHello, and up
 * to TLS 1.2 the server's leaf certificate, are its reply.
 */
import type { At, Dir, Fact, Fields, Parser, Step } from '../../../core/inspect/contract.js'
import { NO_OCTET } from '../begins.js'
import { readLeaf } from './certificate.js'
import {
  CLIENT_HELLO,
  lastingOf,
  offered,
  parseClientHello,
  parseServerHello,
  SERVER_HELLO,
} from './hello.js'
import { ja3 } from './ja3.js'
import { BEGINS, PROBE_OCTETS, probeTls } from './probe.js'
import { ContentType, RECORD_HEADER_OCTETS, readHandshake, readRecordHeader } from './record.js'
import { TLS_1_3 } from './version.js'

const TX = 0
/** Level and description (RFC 8446 §6). */
const ALERT_OCTETS = 2

interface TlsState {
  /** Number of ClientHellos read: a HelloRetryRequest asks for a second. */
  hellos: number
  /** Of the first ClientHello. */
  lasting: string
  retried: boolean
  /** Octets of the ServerHello's record that follow it; -1 = it has not come. */
  recordLeft: number
}

const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})
const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const taken = (take: number, facts: readonly Fact[] = []): Step => ({
  take,
  facts,
  next: { kind: 'need', octets: 1 },
})
const finished = (take: number, facts: readonly Fact[] = []): Step => ({
  take,
  facts,
  next: { kind: 'done' },
})

function step(state: TlsState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(1)
  if (dir === 'reply') return stepServer(state, input, at)
  return state.hellos === 0 ? clientHello(state, input, at) : stepClient(state, input, at)
}

function clientHello(state: TlsState, input: Uint8Array, at: At): Step {
  const message = readHandshake(input)
  if (message.kind === 'need') return need(message.octets)
  if (message.kind === 'malformed') return malformed(message.clause)
  if (message.type !== CLIENT_HELLO) return malformed('RFC 8446 §4 ClientHello expected')
  // Nothing can follow it before the server speaks, so nothing shares its record.
  if (message.recordLeft > 0) return malformed('RFC 8446 §5.1 octets after ClientHello')
  const hello = parseClientHello(message.body)
  if ('clause' in hello) return malformed(hello.clause)
  state.hellos++
  if (state.hellos > 1) {
    return lastingOf(hello) === state.lasting
      ? taken(message.end)
      : malformed('RFC 8446 §4.1.2 second ClientHello asks for another thing')
  }
  state.lasting = lastingOf(hello)
  const fields = offered(hello, 't')
  const detail = () => ({ ja3: ja3(hello) })
  return taken(message.end, [
    { kind: 'tx', tx: TX, dir: 'orig', begin: at, fields, detail, complete: true },
  ])
}

/** After the ClientHello: early data, a second ClientHello, or the client's flight of TLS 1.2. */
function stepClient(state: TlsState, input: Uint8Array, at: At): Step {
  const header = readRecordHeader(input, 0)
  if (header.kind === 'need') return need(header.octets)
  if (header.kind === 'malformed') return malformed(header.clause)
  if (header.type === ContentType.handshake) {
    const type = input[RECORD_HEADER_OCTETS]
    if (type === undefined) return need(RECORD_HEADER_OCTETS + 1)
    if (type === CLIENT_HELLO && state.hellos < 2) return clientHello(state, input, at)
    return { take: 0, facts: [], next: { kind: 'skip', octets: 'toEnd' } }
  }
  const octets = RECORD_HEADER_OCTETS + header.octets
  return { take: 0, facts: [], next: { kind: 'skip', octets } }
}

function stepServer(state: TlsState, input: Uint8Array, at: At): Step {
  if (state.hellos === 0) return { take: 0, facts: [], next: { kind: 'await' } }
  if (state.recordLeft > 0) return certificate(state, input, at)
  const header = readRecordHeader(input, 0)
  if (header.kind === 'need') return need(header.octets)
  if (header.kind === 'malformed') return malformed(header.clause)
  const isGreeted = state.recordLeft === 0
  const octets = RECORD_HEADER_OCTETS + header.octets
  switch (header.type) {
    case ContentType.handshake:
      return isGreeted ? certificate(state, input, at) : serverHello(state, input, at)
    case ContentType.alert:
      if (header.octets !== ALERT_OCTETS) return malformed('RFC 8446 §6 alert')
      return input.length < octets ? need(octets) : alert(input, at, octets)
    case ContentType.changeCipherSpec:
      // A resumed session: what follows is encrypted.
      if (isGreeted) return finished(0, end(at))
      // For middleboxes, after a HelloRetryRequest (RFC 8446 §D.4).
      if (state.retried) return input.length < octets ? need(octets) : taken(octets)
      break
  }
  return malformed('RFC 8446 §4.1.3 ServerHello expected')
}

function serverHello(state: TlsState, input: Uint8Array, at: At): Step {
  const message = readHandshake(input)
  if (message.kind === 'need') return need(message.octets)
  if (message.kind === 'malformed') return malformed(message.clause)
  if (message.type !== SERVER_HELLO) return malformed('RFC 8446 §4.1.3 ServerHello expected')
  const hello = parseServerHello(message.body)
  if ('clause' in hello) return malformed(hello.clause)
  if (hello.retry) {
    if (state.retried) return malformed('RFC 8446 §4.1.4 second HelloRetryRequest')
    if (message.recordLeft > 0) return malformed('RFC 8446 §5.1 octets after HelloRetryRequest')
    state.retried = true
    return taken(message.end)
  }
  const told = reply(at, hello.fields)
  const after = at + message.end
  if (hello.version >= TLS_1_3) return finished(message.end, [told, ...end(after)])
  state.recordLeft = message.recordLeft
  return taken(message.end, [told])
}

/** What follows the ServerHello up to TLS 1.2. */
function certificate({ recordLeft }: TlsState, input: Uint8Array, at: At): Step {
  const leaf = readLeaf(input, recordLeft)
  switch (leaf.kind) {
    case 'need':
      return need(leaf.octets)
    case 'malformed':
      return malformed(leaf.clause)
    case 'none':
      return finished(0, end(at))
    case 'unread':
      return finished(0, [{ kind: 'flow', fields: { certificate: leaf.certificate } }, ...end(at)])
    case 'names':
      return finished(leaf.end, [reply(at, leaf.fields), ...end(at + leaf.end)])
  }
}

/** The handshake failed: the description says why (RFC 8446 §6). */
function alert(input: Uint8Array, at: At, octets: number): Step {
  const description = input[RECORD_HEADER_OCTETS + 1] ?? 0
  return finished(octets, [reply(at, { alert: description }), ...end(at + octets)])
}

const reply = (begin: At, fields: Fields): Fact => ({
  kind: 'tx',
  tx: TX,
  dir: 'reply',
  begin,
  fields,
  complete: true,
})
const end = (at: At): readonly Fact[] => [{ kind: 'txEnd', tx: TX, end: at }]

export const tls: Parser<TlsState> = {
  app: 'tls',
  transport: ['tcp'],
  limits: {
    // A hello of 16 KiB, or a common one in records of a few octets each.
    windowOctets: 32_768,
    stateOctets: 1_024,
    openTx: 1,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: BEGINS, reply: NO_OCTET },
  probe: probeTls,
  open: () => ({ hellos: 0, lasting: '', retried: false, recordLeft: -1 }),
  step,
  // After a hole nothing readable comes for sure: the handshake is over or lost.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
}
