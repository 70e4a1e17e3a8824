/** MySQL and MariaDB: one transaction per statement, decided by its command packet. */
import type { At, Dir, Fact, Next, Parser, Step } from '../../../core/inspect/contract.js'
import {
  AUTHENTICATION_OCTETS,
  type Said,
  takeGreeting,
  takeLogin,
  takeVerdict,
} from './authentication.js'
import { mayShift } from './charset.js'
import { Command as Code } from './code.js'
import { readableOctets, readCommand } from './command.js'
import { readChangeUser } from './handshake.js'
import { HEADER_OCTETS, type Header, LONGEST, readHeader } from './packet.js'
import { PROBE_OCTETS, probeMysql } from './probe.js'
import { denied } from './refusal.js'
import { REPLY_OCTETS, takeReply } from './reply.js'
import {
  type MysqlState,
  OPEN_PREPARES,
  OPEN_TX,
  openSession,
  restoreSession,
  saveSession,
} from './session.js'

/** A replica's acknowledgement, while events are sent to it. */
const SEMI_SYNC_ACK = 0xef

const NEXT_PACKET: Next = { kind: 'need', octets: HEADER_OCTETS }
const need = (octets: number): Step => ({ take: 0, facts: [], next: { kind: 'need', octets } })
const AWAIT: Step = { take: 0, facts: [], next: { kind: 'await' } }
const malformed = (clause: string): Step => ({
  take: 0,
  facts: [],
  next: { kind: 'malformed', clause: `MySQL protocol, ${clause}` },
})

function step(state: MysqlState, dir: Dir, input: Uint8Array, at: At): Step {
  if (input.length === 0) return need(HEADER_OCTETS)
  const header = readHeader(input)
  if (header === null) return need(HEADER_OCTETS)
  if (state.continues[dir]) return passOver(state, dir, header)
  return dir === 'orig'
    ? stepClient(state, input, header, at)
    : stepServer(state, input, header, at)
}

/** The packet goes on from `taken` octets of its payload; what is left of it says nothing. */
function taken(
  state: MysqlState,
  dir: Dir,
  header: Header,
  read: number,
  facts: readonly Fact[] = [],
): Step {
  state.continues[dir] = header.octets === LONGEST
  const rest = header.octets - read
  const next: Next = rest > 0 ? { kind: 'skip', octets: rest } : NEXT_PACKET
  return { take: HEADER_OCTETS + read, facts, next }
}

function passOver(state: MysqlState, dir: Dir, header: Header): Step {
  const command = state.open.at(-1)
  if (dir === 'orig' && command !== undefined) command.sequence = header.sequence
  return taken(state, dir, header, 0)
}

/** A packet of the authentication is read whole. */
function wholePacket(input: Uint8Array, header: Header): Uint8Array | Step {
  if (header.octets === 0 || header.octets > AUTHENTICATION_OCTETS) {
    return malformed('length of an authentication packet')
  }
  const end = HEADER_OCTETS + header.octets
  return input.length < end ? need(end) : input.subarray(HEADER_OCTETS, end)
}

const isStep = (value: Uint8Array | Step): value is Step => 'take' in value

function said({ facts, next }: Said, header: Header): Step {
  return { take: HEADER_OCTETS + header.octets, facts, next: next ?? NEXT_PACKET }
}

function stepClient(state: MysqlState, input: Uint8Array, header: Header, at: At): Step {
  switch (state.phase) {
    case 'greeting':
    case 'refused':
      return AWAIT
    case 'login': {
      const payload = wholePacket(input, header)
      if (isStep(payload)) return payload
      return said(takeLogin(state, payload, at + HEADER_OCTETS + payload.length), header)
    }
    case 'authentication':
      return answerPlugin(state, header)
    case 'command':
      return stepCommand(state, input, header, at)
  }
}

/** One packet for each that the server has asked for: a command, or anything else, waits for the OK. */
function answerPlugin(state: MysqlState, header: Header): Step {
  if (state.asked === 0 || header.sequence === 0) return AWAIT
  state.asked--
  return taken(state, 'orig', header, 0)
}

function stepCommand(state: MysqlState, input: Uint8Array, header: Header, at: At): Step {
  const [oldest] = state.open
  const newest = state.open.at(-1)
  if (oldest?.stage === 'file') return filePart(state, header)
  if (oldest?.kind === 'stream') return acknowledgement(state, input, header)
  // What comes next may be a file, or answer a plugin.
  if (newest?.mayLoad === true || newest?.kind === 'stream' || isFull(state)) return AWAIT
  if (header.sequence !== 0) return malformed('sequence id of a command')
  if (header.octets === 0) return malformed('empty command')
  const code = input[HEADER_OCTETS]
  if (code === undefined) return need(HEADER_OCTETS + 1)
  const read = Math.min(header.octets, readableOctets(code))
  if (code === Code.changeUser) return changeUser(state, input, header)
  if (input.length < HEADER_OCTETS + read) return need(HEADER_OCTETS + read)
  const octets = input.subarray(HEADER_OCTETS, HEADER_OCTETS + read)
  const facts = readCommand(state, { octets, whole: read === header.octets, begin: at })
  if (facts === null) return malformed(`command ${code}`)
  return taken(state, 'orig', header, read, facts)
}

function isFull({ open }: MysqlState): boolean {
  let prepares = 0
  let txs = 0
  for (const command of open) {
    if (command.statements !== null) prepares++
    for (const group of command.groups) txs += group.txs.length
  }
  return prepares >= OPEN_PREPARES || Math.max(open.length, txs) >= OPEN_TX
}

function changeUser(state: MysqlState, input: Uint8Array, header: Header): Step {
  if (state.open.length > 0) return AWAIT
  const payload = wholePacket(input, header)
  if (isStep(payload)) return payload
  const change = readChangeUser(payload, state.capabilities)
  if (change === null) return malformed('COM_CHANGE_USER')
  state.prepared.clear()
  state.lastPrepared = null
  state.shifts = mayShift(change.charset)
  state.user = change.user
  state.database = change.database
  state.databaseUnsure = false
  state.phase = 'authentication'
  return taken(state, 'orig', header, header.octets)
}

/** LOCAL INFILE: an empty packet ends the file. */
function filePart(state: MysqlState, header: Header): Step {
  const [command] = state.open
  if (header.octets === 0 && command !== undefined) command.stage = 'first'
  return taken(state, 'orig', header, 0)
}

function acknowledgement(state: MysqlState, input: Uint8Array, header: Header): Step {
  const type = input[HEADER_OCTETS]
  if (type === undefined) return need(HEADER_OCTETS + 1)
  return type === SEMI_SYNC_ACK ? taken(state, 'orig', header, 0) : AWAIT
}

function stepServer(state: MysqlState, input: Uint8Array, header: Header, at: At): Step {
  if (state.phase === 'refused') return taken(state, 'reply', header, 0)
  if (state.phase === 'command') return stepReply(state, input, header, at)
  // A server may give up while it waits for the login.
  if (state.phase === 'login' && input[HEADER_OCTETS] !== 0xff) {
    return input.length > HEADER_OCTETS ? AWAIT : need(HEADER_OCTETS + 1)
  }
  const payload = wholePacket(input, header)
  if (isStep(payload)) return payload
  const take = state.phase === 'greeting' ? takeGreeting : takeVerdict
  return said(take(state, payload), header)
}

function stepReply(state: MysqlState, input: Uint8Array, header: Header, at: At): Step {
  const [command] = state.open
  // Before a command: the client ties it to its next one. While a file is sent: nothing is due.
  if (command === undefined || command.stage === 'file') return AWAIT
  const read = Math.min(header.octets, REPLY_OCTETS)
  if (input.length < HEADER_OCTETS + read) return need(HEADER_OCTETS + read)
  const head = input.subarray(HEADER_OCTETS, HEADER_OCTETS + read)
  const end = at + HEADER_OCTETS + header.octets
  const reply = takeReply(state, command, { head, octets: header.octets, begin: at, end })
  if ('clause' in reply) {
    return { take: 0, facts: [], next: { kind: 'malformed', clause: reply.clause } }
  }
  return taken(state, 'reply', header, read, reply.facts)
}

export const mysql: Parser<MysqlState> = {
  app: 'mysql',
  transport: ['tcp'],
  limits: {
    // The part of a statement that is read, with some of what is pipelined after it.
    windowOctets: 32_768,
    stateOctets: 262_144,
    openTx: 2 * OPEN_TX,
    probeOctets: PROBE_OCTETS,
  },
  probe: probeMysql,
  open: openSession,
  step,
  // Packets have no mark to find their beginning by.
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
  refusal: denied,
  rest: { save: saveSession, restore: restoreSession },
}
