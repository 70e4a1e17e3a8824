/** The server's messages: which transactions they answer. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { At, Fact, Fields, TxId } from '../../../core/inspect/contract.js'
import { text } from './message.js'
import type { Pending, PostgresqlState } from './session.js'

/** An ErrorResponse's fields up to its code, a CommandComplete's tag, a ParameterStatus. */
const READ_OCTETS: Readonly<Record<string, number>> = { E: 256, C: 64, S: 128, R: 4 }
/** Client encodings in which an octet of ASCII may be the second one of a character. */
const SHIFTING = /^(?:BIG5|GBK|UHC|GB18030|JOHAB|SJIS|SHIFT_JIS_2004)$/i
const TYPES = new Set('RSKZNAECITDts123nGHWdcVv')

export const readableOctets = (type: string): number => READ_OCTETS[type] ?? 0
export const isKnown = (type: string): boolean => TYPES.has(type)

export interface Message {
  readonly type: string
  /** The body's beginning. */
  readonly body: Uint8Array
  readonly begin: At
  readonly end: At
}

/** What ends the answer to each kind; CommandComplete ends one statement of a query. */
const ENDS: Readonly<Record<Pending['kind'], string>> = {
  query: 'Z',
  parse: '1',
  bind: '2',
  describe: 'Tn',
  execute: 'CIs',
  close: '3',
  call: 'Z',
  sync: 'Z',
}

export function takeMessage(state: PostgresqlState, message: Message): readonly Fact[] {
  const { type, body } = message
  if (type === 'S') setting(state, body)
  // Told at any time.
  if ('SNAK'.includes(type)) return []
  if (type === 'R') return authentication(state, body)
  if (type === 'E') return fail(state, message)
  if (state.phase !== 'session') return []
  return type === 'Z' ? ready(state, message) : answer(state, message)
}

function setting(state: PostgresqlState, body: Uint8Array): void {
  const [name, value] = latin1(body).split('\0')
  if (name === 'standard_conforming_strings') state.standardStrings = value !== 'off'
  if (name === 'client_encoding') state.shifts = SHIFTING.test(value ?? '')
}

function authentication(state: PostgresqlState, body: Uint8Array): readonly Fact[] {
  if (state.phase !== 'authentication' || new Reader(body).u32be() !== 0) return []
  state.phase = 'session'
  return []
}

function answer(state: PostgresqlState, message: Message): readonly Fact[] {
  // While it copies, the server passes over a Sync.
  while (state.open[0]?.kind === 'sync' && state.open.length > 1) state.open.shift()
  const [oldest] = state.open
  if (oldest === undefined || oldest.kind === 'sync') return []
  oldest.begin ??= message.begin
  if ('GW'.includes(message.type)) oldest.copies = true
  if (oldest.kind === 'query') {
    return message.type === 'C' || message.type === 'I' ? statementEnd(state, oldest, message) : []
  }
  if (!ENDS[oldest.kind].includes(message.type)) return []
  endCopy(state, oldest)
  state.open.shift()
  forget(state, oldest)
  return oldest.groups.flatMap((txs) => told(txs, message, oldest.begin, okFields(message)))
}

/** A Sync that stood before data of the COPY gets no answer. */
function endCopy({ open }: PostgresqlState, ended: Pending): void {
  if (!ended.copies) return
  ended.copies = false
  while (open[1]?.kind === 'sync' && open[1].isInCopy) open.splice(1, 1)
}

function statementEnd(state: PostgresqlState, query: Pending, message: Message): readonly Fact[] {
  const begin = query.begin
  query.begin = message.end
  endCopy(state, query)
  return told(query.groups.shift() ?? [], message, begin, okFields(message))
}

function okFields({ type, body }: Message): Fields {
  if (type !== 'C') return { status: 'ok' }
  return { status: 'ok', tag: latin1(text(new Reader(body), body) ?? body) }
}

/** A name that was prepared anew in the meantime may be either statement. */
function forget({ statements }: PostgresqlState, { forgets }: Pending): void {
  for (const [name, prepared] of forgets) {
    if (statements.get(name) === prepared) statements.delete(name)
  }
}

/** ReadyForQuery ends whatever went before. */
function ready(state: PostgresqlState, message: Message): readonly Fact[] {
  const facts: Fact[] = []
  // The first one ends the start.
  if (!state.ready) {
    state.ready = true
    return facts
  }
  for (let pending = state.open.shift(); pending !== undefined; pending = state.open.shift()) {
    const { kind, groups, begin } = pending
    if (kind === 'sync') break
    forget(state, pending)
    facts.push(...groups.flatMap((txs) => told(txs, message, begin, { status: 'ok' })))
    if (kind === 'query' || kind === 'call') break
  }
  state.busy = state.open.length > 0
  return facts
}

function fail(state: PostgresqlState, message: Message): readonly Fact[] {
  const errorCode = sqlState(message.body)
  // The database may be refused after the password is accepted.
  if (!state.ready) {
    state.phase = 'refused'
    return [{ kind: 'flow', fields: { loginError: errorCode } }]
  }
  const [oldest] = state.open
  // An end of the connection that nobody asked for, or the commit failed.
  if (oldest === undefined || oldest.kind === 'sync') return []
  endCopy(state, oldest)
  oldest.forgets = []
  const begin = oldest.begin ?? message.begin
  const all = [oldest.groups.splice(0), ...skippedGroups(state, oldest)].flat()
  const [failed = [], ...never] = all
  const facts = told(failed, message, begin, { status: 'error', errorCode })
  for (const txs of never) {
    for (const tx of txs) facts.push({ kind: 'txEnd', tx, end: message.end })
  }
  return facts
}

/** The server executes nothing up to the next Sync; a simple query ends by its own ReadyForQuery. */
function skippedGroups(state: PostgresqlState, failed: Pending): TxId[][][] {
  if (failed.kind === 'query' || failed.kind === 'call') return []
  const sync = state.open.findIndex(({ kind }) => kind === 'sync')
  state.failed = sync < 0
  return state.open.splice(0, sync < 0 ? state.open.length : sync).map(({ groups }) => groups)
}

function told(txs: readonly TxId[], message: Message, begin: At | null, fields: Fields): Fact[] {
  const from = begin ?? message.begin
  return txs.flatMap((tx): Fact[] => [
    { kind: 'tx', tx, dir: 'reply', begin: from, fields, complete: true },
    { kind: 'txEnd', tx, end: message.end },
  ])
}

/** Fields are a letter and a text each. */
function sqlState(body: Uint8Array): string {
  const reader = new Reader(body)
  while (reader.left > 1) {
    const field = reader.u8()
    const value = text(reader, body)
    if (value === null) break
    if (field === 0x43) return latin1(value)
  }
  return ''
}
