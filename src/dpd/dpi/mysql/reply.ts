/** The server's packets after authentication: one at a time, by the command that they answer. */
import { Reader } from '../../../core/bytes.js'
import type { At, Fact } from '../../../core/inspect/contract.js'
import { Capability, Status } from './code.js'
import { ERR } from './handshake.js'
import { LONGEST, lengthEncoded, unsigned } from './packet.js'
import { type Command, can, type Group, type MysqlState } from './session.js'

const OK = 0x00
/** EOF, or OK in its place (CLIENT_DEPRECATE_EOF). */
const EOF = 0xfe
const LOCAL_INFILE = 0xfb
/** An ERR with this code is MariaDB's report of progress. */
const PROGRESS = 0xffff
/** Nothing longer than an EOF is one; a row that begins like it is longer. */
const EOF_OCTETS = 9
/** With a result set's metadata left out its first packet begins as OK does, but is shorter. */
const OK_OCTETS = 7

/** Octets of a packet's payload that are read: an OK's status is the farthest. */
export const REPLY_OCTETS = 32

export interface Packet {
  /** The payload's beginning. */
  readonly head: Uint8Array
  /** Of the whole payload. */
  readonly octets: number
  /** Of the packet and of what follows it. */
  readonly begin: At
  readonly end: At
}

type Taken = { readonly facts: readonly Fact[] } | { readonly clause: string }
const NOTHING: Taken = { facts: [] }
const malformed = (what: string): Taken => ({ clause: `MySQL protocol, ${what}` })

export function takeReply(state: MysqlState, command: Command, packet: Packet): Taken {
  command.begin ??= packet.begin
  const [type] = packet.head
  if (type === ERR && command.stage !== 'definitions') {
    const code = unsigned(new Reader(packet.head, 1), 2)
    return code === PROGRESS ? NOTHING : { facts: fail(state, command, packet, code) }
  }
  switch (command.stage) {
    case 'first':
      return first(state, command, packet)
    case 'definitions':
      return definition(state, command, packet)
    case 'definitionsEnd':
      return definitionsEnd(state, command, packet)
    default:
      return row(state, command, packet)
  }
}

function first(state: MysqlState, command: Command, packet: Packet): Taken {
  const [type] = packet.head
  switch (command.kind) {
    case 'text':
      return { facts: succeed(state, command, packet, false) }
    case 'single':
      if (type !== OK && type !== EOF) return malformed('OK expected')
      return status(state, command, packet)
    case 'prepare':
      return type === OK ? prepared(state, command, packet) : malformed('COM_STMT_PREPARE_OK')
  }
  if (type === OK && packet.octets >= OK_OCTETS) return status(state, command, packet)
  if (type === LOCAL_INFILE) {
    // A server that asks for files of whom it likes.
    if (!command.mayLoad) return malformed('LOCAL INFILE that no statement asked for')
    command.stage = 'file'
    return NOTHING
  }
  return columns(state, command, packet)
}

function columns(state: MysqlState, command: Command, { head, octets }: Packet): Taken {
  const reader = new Reader(head)
  const optional = can(state, Capability.optionalMetadata)
  const follows = !optional || reader.u8() === 1
  const count = lengthEncoded(reader)
  if (count === null || count === 0 || reader.short) return malformed('column count')
  const cached = state.cachesMetadata && reader.left > 0 && reader.u8() === 0
  if (octets > head.length) return malformed('column count')
  define(state, command, follows && !cached ? count : 0)
  return NOTHING
}

function define(state: MysqlState, command: Command, count: number): void {
  command.left = count
  if (count > 0) command.stage = 'definitions'
  else command.stage = can(state, Capability.deprecateEof) ? 'rows' : 'definitionsEnd'
}

function definition(state: MysqlState, command: Command, packet: Packet): Taken {
  command.left--
  if (command.left > 0) return NOTHING
  if (command.kind === 'prepare') return { facts: succeed(state, command, packet, false) }
  define(state, command, 0)
  return NOTHING
}

function definitionsEnd(state: MysqlState, command: Command, packet: Packet): Taken {
  if (packet.head[0] !== EOF || packet.octets >= EOF_OCTETS) return malformed('EOF expected')
  const flags = statusOf(state, packet, true)
  note(state, flags)
  command.stage = 'rows'
  if (command.isExecute && flags & Status.cursorExists) {
    return { facts: succeed(state, command, packet, false) }
  }
  return NOTHING
}

function row(state: MysqlState, command: Command, packet: Packet): Taken {
  const isEnd = packet.head[0] === EOF && packet.octets < LONGEST
  const isEof = isEnd && packet.octets < EOF_OCTETS
  if (isEof || (isEnd && can(state, Capability.deprecateEof))) return status(state, command, packet)
  return NOTHING
}

/** An OK, or EOF: whether another result follows stands in it. */
function status(state: MysqlState, command: Command, packet: Packet): Taken {
  const isEof = packet.head[0] === EOF && !can(state, Capability.deprecateEof)
  // MariaDB ends a list of fields by an EOF in any case.
  const flags = statusOf(state, packet, isEof || packet.octets === 5)
  note(state, flags)
  const hasMore = command.kind === 'result' && (flags & Status.moreResults) !== 0
  return { facts: succeed(state, command, packet, hasMore) }
}

function statusOf(state: MysqlState, { head }: Packet, isEof: boolean): number {
  const reader = new Reader(head, 1)
  // Warnings, or affected rows and the last number.
  if (isEof) reader.skip(2)
  else {
    lengthEncoded(reader)
    lengthEncoded(reader)
  }
  const flags = unsigned(reader, 2)
  return reader.short ? (state.noBackslashEscapes ? Status.noBackslashEscapes : 0) : flags
}

function note(state: MysqlState, flags: number): void {
  state.modeUnsure = false
  state.noBackslashEscapes = (flags & Status.noBackslashEscapes) !== 0
}

function prepared(state: MysqlState, command: Command, packet: Packet): Taken {
  const reader = new Reader(packet.head, 1)
  const number = unsigned(reader, 4)
  const columnCount = unsigned(reader, 2)
  const parameterCount = unsigned(reader, 2)
  reader.skip(1 + 2)
  if (reader.short) return malformed('COM_STMT_PREPARE_OK')
  const isOmitted = can(state, Capability.optionalMetadata) && reader.left > 0 && reader.u8() === 0
  keep(state, number, command)
  const ends = can(state, Capability.deprecateEof) ? 0 : 1
  const packetsOf = (count: number): number => (count === 0 ? 0 : count + ends)
  command.left = isOmitted ? 0 : packetsOf(columnCount) + packetsOf(parameterCount)
  if (command.left === 0) return { facts: succeed(state, command, packet, false) }
  command.stage = 'definitions'
  return NOTHING
}

/** Of the database that the commands before it have left. */
function keep(state: MysqlState, number: number, { statements }: Command): void {
  if (statements === null) return
  const { database, databaseUnsure } = state
  const prepared = { statements, database, databaseUnsure }
  state.prepared.set(number, prepared)
  if (state.lastPrepared?.statements === statements) state.lastPrepared = prepared
}

function succeed(
  state: MysqlState,
  command: Command,
  { end }: Packet,
  hasMore: boolean,
): readonly Fact[] {
  const { groups } = command
  const begin = command.begin ?? end
  // Results of a procedure belong to one statement: the last takes what is left.
  const isLastGroup = groups.length <= 1
  if (hasMore) {
    command.stage = 'first'
    if (isLastGroup) return []
    command.begin = null
  } else {
    state.open.shift()
  }
  const answered = hasMore ? groups.splice(0, 1) : groups
  for (const { database } of answered) {
    if (database === null) continue
    state.database = database
    state.databaseUnsure = false
  }
  if (command.mayUse) state.databaseUnsure = true
  return answered.flatMap((group) => answer(group, begin, end, { status: 'ok' }))
}

function fail(
  state: MysqlState,
  command: Command,
  { end }: Packet,
  errorCode: number,
): readonly Fact[] {
  state.open.shift()
  if (command.kind === 'prepare') state.lastPrepared = null
  if (command.unsettles) state.modeUnsure = true
  if (command.mayUse) state.databaseUnsure = true
  const [failed, ...never] = command.groups
  const facts: Fact[] = []
  const begin = command.begin ?? end
  if (failed !== undefined)
    facts.push(...answer(failed, begin, end, { status: 'error', errorCode }))
  // What stood after it was not executed.
  for (const { txs } of never) {
    for (const tx of txs) facts.push({ kind: 'txEnd', tx, end })
  }
  return facts
}

function answer(
  { txs }: Group,
  begin: At,
  end: At,
  fields: Readonly<Record<string, string | number>>,
): Fact[] {
  return txs.flatMap((tx): Fact[] => [
    { kind: 'tx', tx, dir: 'reply', begin, fields, complete: true },
    { kind: 'txEnd', tx, end },
  ])
}
