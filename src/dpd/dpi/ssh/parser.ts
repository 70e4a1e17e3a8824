/**
 * SSH up to its keys (RFC 4253 §4.2, §7.1): one transaction, the client's identification and what it offers.
 * Later octets are encrypted. SSH 1 ends at the identification.
 */
import type { At, Dir, Fact, Parser, Step } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { anyOf } from '../begins.js'
import { type Identification, readLine } from './identification.js'
import { readKexInit } from './kexinit.js'
import {
  disconnect,
  HEADER_OCTETS,
  HOST_NOT_ALLOWED_TO_CONNECT,
  Message,
  PACKET_OCTETS,
  payloadOf,
  readHeader,
} from './packet.js'
import { PROBE_OCTETS, probeSsh } from './probe.js'

/** As OpenSSH's client counts them. */
export const OTHER_LINES = 1_024
const WINDOW_OCTETS = 4 + PACKET_OCTETS
const TX = 0

interface Side {
  identification: Identification | null
  begin: At
  end: At
  /** HASSH of the direction; null until KEXINIT. */
  hassh: string | null
  /** Says nothing more in clear. */
  over: boolean
}

export interface SshState {
  readonly orig: Side
  readonly reply: Side
  /** Lines before the server's identification. */
  otherLines: number
}

const silent = (): Side => ({ identification: null, begin: 0, end: 0, hassh: null, over: false })

const openState = (): SshState => ({
  orig: silent(),
  reply: silent(),
  otherLines: 0,
})

const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause },
})

function step(state: SshState, dir: Dir, input: Uint8Array, at: At, ended: boolean): Step {
  const side = state[dir]
  if (side.over) return { take: 0, facts: [], next: { kind: 'await' } }
  const read =
    side.identification === null ? line(state, dir, input, at) : packet(state, dir, input, at)
  if (read.next.kind !== 'need' || read.take > 0 || !ended) return read
  // It ends before its KEXINIT: what is known is all.
  return finish(state, dir, input.length, at + input.length)
}

function line(state: SshState, dir: Dir, input: Uint8Array, at: At): Step {
  const read = readLine(input)
  if (read.kind === 'more') return need(input.length + 1)
  if (read.kind === 'malformed') return malformed(read.clause)
  if (read.kind === 'other') {
    if (dir === 'orig') return malformed('RFC 4253 §4.2 line of the client')
    if (++state.otherLines > OTHER_LINES) {
      return malformed(`RFC 4253 §4.2 more than ${OTHER_LINES} lines`)
    }
    return { take: read.octets, facts: [], next: { kind: 'need', octets: 1 } }
  }
  const { identification, octets } = read
  state[dir].identification = identification
  state[dir].begin = at
  if (!/^(?:2\.0|1\.99)$/.test(identification.version))
    return finish(state, dir, octets, at + octets)
  const facts = dir === 'orig' ? [request(state)] : []
  return { take: octets, facts, next: { kind: 'need', octets: HEADER_OCTETS } }
}

function packet(state: SshState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length < HEADER_OCTETS) return need(HEADER_OCTETS)
  const header = readHeader(input)
  if (header === null) return malformed('RFC 4253 §6 packet')
  const { message, octets } = header
  if (message === Message.disconnect) return finish(state, dir, HEADER_OCTETS, at + octets)
  if (message >= Message.ignore && message <= Message.debug) {
    return {
      take: HEADER_OCTETS,
      facts: [],
      next: { kind: 'skip', octets: octets - HEADER_OCTETS },
    }
  }
  if (message !== Message.kexinit) return malformed('RFC 4253 §7 message before KEXINIT')
  if (input.length < octets) return need(octets)
  const kexInit = readKexInit(payloadOf(input, header))
  if (kexInit === null) return malformed('RFC 4253 §7.1 KEXINIT')
  state[dir].hassh = dir === 'orig' ? kexInit.hassh : kexInit.hasshServer
  return finish(state, dir, octets, at + octets)
}

/** Of one direction, in clear; both make the end. */
function finish(state: SshState, dir: Dir, take: number, end: At): Step {
  const { orig, reply } = state
  state[dir].over = true
  state[dir].end = end
  const facts = dir === 'orig' && orig.identification !== null ? [request(state)] : []
  if (!orig.over || !reply.over) return { take, facts, next: { kind: 'await' } }
  return { take, facts: [...facts, ...answer(state)], next: { kind: 'done' } }
}

function request({ orig }: SshState): Fact {
  const { identification, hassh, begin, over: complete } = orig
  const comment = identification?.comment ?? ''
  const fields = said(identification)
  if (hassh !== null) fields.hassh = hassh
  if (comment === '') return { kind: 'tx', tx: TX, dir: 'orig', begin, fields, complete }
  const detail = () => ({ comment })
  return { kind: 'tx', tx: TX, dir: 'orig', begin, fields, detail, complete }
}

/** Behind the whole request: nothing of a transaction follows its end. */
function answer({ orig, reply }: SshState): readonly Fact[] {
  const { identification, hassh: hasshServer, begin, end } = reply
  if (orig.identification === null) return []
  const fields = said(identification)
  if (hasshServer !== null) fields.hasshServer = hasshServer
  return [
    { kind: 'tx', tx: TX, dir: 'reply', begin, fields, complete: true },
    { kind: 'txEnd', tx: TX, end },
  ]
}

const said = (identification: Identification | null): FieldsDraft =>
  identification === null
    ? {}
    : { version: identification.version, software: identification.software }

export const ssh: Parser<SshState> = {
  app: 'ssh',
  transport: ['tcp'],
  limits: {
    windowOctets: WINDOW_OCTETS,
    stateOctets: 4_096,
    openTx: 1,
    probeOctets: PROBE_OCTETS,
  },
  begins: { orig: anyOf('S') },
  probe: probeSsh,
  open: openState,
  step,
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  // Before the server's identification a client would take the packet for one of its lines.
  refusal: ({ reply }, tx) => {
    if (tx !== TX || reply.identification === null) return null
    const toOpener = disconnect(HOST_NOT_ALLOWED_TO_CONNECT, 'Denied by network policy')
    return { toOpener, then: 'close' }
  },
}
