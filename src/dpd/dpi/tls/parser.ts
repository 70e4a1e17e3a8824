/** TLS up to the ServerHello (RFC 8446, RFC 5246): the ClientHello decides the one transaction. */
import type { At, Dir, Fact, Parser, Step } from '../../../core/inspect/contract.js'
import { CLIENT_HELLO, parseClientHello, parseServerHello, SERVER_HELLO } from './hello.js'
import { PROBE_OCTETS, probeTls } from './probe.js'
import { ContentType, RECORD_HEADER_OCTETS, readHandshake, readRecordHeader } from './record.js'

const TX = 0
/** Level and description (RFC 8446 §6). */
const ALERT_OCTETS = 2

interface TlsState {
  /** Number of ClientHellos read: a HelloRetryRequest asks for a second. */
  hellos: number
  sni: string | undefined
  retried: boolean
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
  next: { kind: 'need', octets: RECORD_HEADER_OCTETS },
})
const finished = (take: number, facts: readonly Fact[] = []): Step => ({
  take,
  facts,
  next: { kind: 'done' },
})

function step(state: TlsState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(RECORD_HEADER_OCTETS)
  if (dir === 'reply') return stepServer(state, input, at)
  return state.hellos === 0 ? clientHello(state, input, at) : stepClient(state, input, at)
}

function clientHello(state: TlsState, input: Uint8Array, at: At): Step {
  const message = readHandshake(input, 0)
  if (message.kind === 'need') return need(message.octets)
  if (message.kind === 'malformed') return malformed(message.clause)
  if (message.type !== CLIENT_HELLO) return malformed('RFC 8446 §4 ClientHello expected')
  // Nothing can follow it before the server speaks, so nothing shares its record.
  if (!message.aligned) return malformed('RFC 8446 §5.1 octets after ClientHello')
  const hello = parseClientHello(message.body)
  if ('clause' in hello) return malformed(hello.clause)
  state.hellos++
  if (state.hellos > 1) {
    return hello.sni === state.sni
      ? taken(message.end)
      : malformed('RFC 8446 §4.1.2 second ClientHello names another server')
  }
  state.sni = hello.sni
  const { fields } = hello
  return taken(message.end, [
    { kind: 'tx', tx: TX, dir: 'orig', begin: at, fields, complete: true },
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
  const header = readRecordHeader(input, 0)
  if (header.kind === 'need') return need(header.octets)
  if (header.kind === 'malformed') return malformed(header.clause)
  const octets = RECORD_HEADER_OCTETS + header.octets
  switch (header.type) {
    case ContentType.handshake:
      return serverHello(state, input, at)
    case ContentType.alert:
      if (header.octets !== ALERT_OCTETS) return malformed('RFC 8446 §6 alert')
      return input.length < octets ? need(octets) : alert(input, at, octets)
    // For middleboxes, after a HelloRetryRequest (RFC 8446 §D.4).
    case ContentType.changeCipherSpec:
      if (state.retried) return input.length < octets ? need(octets) : taken(octets)
      break
  }
  return malformed('RFC 8446 §4.1.3 ServerHello expected')
}

function serverHello(state: TlsState, input: Uint8Array, at: At): Step {
  const message = readHandshake(input, 0)
  if (message.kind === 'need') return need(message.octets)
  if (message.kind === 'malformed') return malformed(message.clause)
  if (message.type !== SERVER_HELLO) return malformed('RFC 8446 §4.1.3 ServerHello expected')
  const hello = parseServerHello(message.body)
  if ('clause' in hello) return malformed(hello.clause)
  if (hello.retry) {
    if (state.retried) return malformed('RFC 8446 §4.1.4 second HelloRetryRequest')
    if (!message.aligned) return malformed('RFC 8446 §5.1 octets after HelloRetryRequest')
    state.retried = true
    return taken(message.end)
  }
  return finished(message.end, reply(at, message.end, hello.fields))
}

/** The handshake failed: the description says why (RFC 8446 §6). */
function alert(input: Uint8Array, at: At, octets: number): Step {
  const description = input[RECORD_HEADER_OCTETS + 1] ?? 0
  return finished(octets, reply(at, octets, { alert: description }))
}

function reply(begin: At, octets: number, fields: Extract<Fact, { kind: 'tx' }>['fields']): Fact[] {
  return [
    { kind: 'tx', tx: TX, dir: 'reply', begin, fields, complete: true },
    { kind: 'txEnd', tx: TX, end: begin + octets },
  ]
}

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
  probe: probeTls,
  open: () => ({ hellos: 0, sni: undefined, retried: false }),
  step,
  // After a hole nothing readable comes for sure: the handshake is over or lost.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
}
