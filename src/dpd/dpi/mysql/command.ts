/** One command packet: its transactions, and what its reply will look like. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { At, Fact } from '../../../core/inspect/contract.js'
import { fieldsOf } from '../sql/fields.js'
import type { Prepared } from '../sql/prepared.js'
import {
  changesSession,
  type Dialect,
  readStatements,
  STATEMENT_OCTETS,
  type Statement,
  textOf,
  UNREAD,
} from '../sql/statement.js'
import { textAfterAttributes } from './attributes.js'
import { maySetCharset } from './charset.js'
import { ADMINISTRATION, Capability, Command as Code } from './code.js'
import { nulTerminated, unsigned } from './packet.js'
import { type Command, can, type MysqlState, type ReplyKind } from './session.js'

/** Attributes and a statement's text. */
const QUERY_OCTETS = 1 + STATEMENT_OCTETS
/** Of other commands: names. */
const COMMAND_OCTETS = 1_024
/** Since MariaDB 10.2: the statement prepared last. */
const LAST_STATEMENT = 0xffffffff

/** Octets of a command's payload that are read. */
export function readableOctets(code: number): number {
  return code === Code.query || code === Code.stmtPrepare ? QUERY_OCTETS : COMMAND_OCTETS
}

/** A payload's beginning. `whole`: it is all of it. */
export interface Payload {
  readonly octets: Uint8Array
  readonly whole: boolean
  readonly begin: At
}

/** The command's facts; null = a command that nobody knows. What is answered is added to `open`. */
export function readCommand(state: MysqlState, payload: Payload): readonly Fact[] | null {
  const code = payload.octets[0] ?? 0
  switch (code) {
    case Code.quit:
      return []
    case Code.query:
      return query(state, payload)
    case Code.stmtPrepare:
      return prepare(state, payload)
    case Code.stmtExecute:
    case Code.stmtBulkExecute:
      return execute(state, payload)
    case Code.stmtSendLongData:
      return []
    case Code.stmtClose:
      state.prepared.delete(statementNumber(payload))
      return []
    case Code.initDb:
      return initDb(state, payload)
    case Code.fieldList:
      return fieldList(state, payload)
    case Code.statistics:
      return tell(state, payload, [], { kind: 'text' })
    case Code.resetConnection:
      state.prepared.clear()
      state.lastPrepared = null
      return tell(state, payload, [], { kind: 'single', unsettles: true })
    case Code.ping:
    case Code.setOption:
    case Code.stmtReset:
      return tell(state, payload, [], { kind: 'single' })
    case Code.stmtFetch:
      return tell(state, payload, [], { kind: 'rows' })
    case Code.binlogDump:
    case Code.binlogDumpGtid:
    case Code.tableDump:
      return tell(state, payload, [certain('BINLOG_DUMP')], { kind: 'stream' })
  }
  const verb = ADMINISTRATION[code]
  if (verb === undefined) return null
  return tell(state, payload, [certain(verb)], { kind: code === 10 ? 'result' : 'single' })
}

const certain = (verb: string, tables: readonly string[] = []): Statement => ({
  verbs: [verb],
  tables,
  ambiguous: [],
  first: verb,
  object: null,
})

function query(state: MysqlState, payload: Payload): readonly Fact[] {
  const from = can(state, Capability.queryAttributes) ? textAfterAttributes(payload.octets) : 1
  const statements = from === null ? [UNREAD] : statementsOf(state, payload, from)
  return tell(state, payload, statements, { kind: 'result' })
}

function statementsOf(state: MysqlState, payload: Payload, from: number): Statement[] {
  const octets = latin1(payload.octets, from)
  state.shifts ||= maySetCharset(octets, payload.whole)
  const text = {
    octets,
    whole: payload.whole,
    several: can(state, Capability.multiStatements),
  }
  return readStatements(text, dialectOf(state))
}

function dialectOf({ open, noBackslashEscapes, modeUnsure, shifts }: MysqlState): Dialect {
  const isUnsure = modeUnsure || open.some((command) => command.unsettles)
  const backslash = isUnsure ? 'unsure' : noBackslashEscapes ? 'plain' : 'escapes'
  return { server: 'mysql', backslash, shifts }
}

function prepare(state: MysqlState, payload: Payload): readonly Fact[] {
  const statements = statementsOf(state, payload, 1)
  const { database } = state
  state.lastPrepared = { statements, database, databaseUnsure: isDatabaseUnsure(state) }
  return tell(state, payload, statements, { kind: 'prepare', statements })
}

const statementNumber = ({ octets }: Payload): number => unsigned(new Reader(octets, 1), 4)

function execute(state: MysqlState, payload: Payload): readonly Fact[] {
  const number = statementNumber(payload)
  const known = state.prepared.get(number)
  const isLast = number === LAST_STATEMENT && state.isMariadb
  const prepared = isLast ? state.lastPrepared : (known ?? null)
  // Whether executing one makes it the last, versions differ.
  if (!isLast) state.lastPrepared = null
  const statements = prepared?.statements ?? [UNREAD]
  return tell(state, payload, statements, { kind: 'result', isExecute: true, prepared })
}

function initDb(state: MysqlState, payload: Payload): readonly Fact[] {
  const database = textOf(payload.octets.subarray(1))
  return tell(state, payload, [{ ...certain('USE'), object: database }], { kind: 'single' })
}

function fieldList(state: MysqlState, payload: Payload): readonly Fact[] {
  const reader = new Reader(payload.octets, 1)
  const table = textOf(nulTerminated(reader, payload.octets)).toLowerCase()
  return tell(state, payload, [certain('SHOW', [table])], { kind: 'rows' })
}

interface Asked {
  readonly kind: ReplyKind
  readonly isExecute?: boolean
  readonly unsettles?: boolean
  readonly statements?: readonly Statement[]
  readonly prepared?: Prepared | null
}

/** A transaction for each verb of each statement. */
function tell(
  state: MysqlState,
  { begin }: Payload,
  statements: readonly Statement[],
  asked: Asked,
): readonly Fact[] {
  const facts: Fact[] = []
  const { user, open } = state
  const isPrepare = asked.kind === 'prepare'
  const isExecute = asked.isExecute === true
  const { database } = asked.prepared ?? state
  let databaseUnsure = asked.prepared?.databaseUnsure ?? isDatabaseUnsure(state)
  const groups = statements.map((statement) => {
    const all = fieldsOf(statement, { user, database, databaseUnsure })
    // What is only prepared chooses nothing, and what is executed only if the database is still the one it was.
    const used = statement.first === 'USE' && !isPrepare && !isExecute ? statement.object : null
    databaseUnsure ||= used !== null || (mayUse(statement) && !isPrepare)
    const txs = all.map((fields) => {
      const tx = state.nextTx++
      facts.push({ kind: 'tx', tx, dir: 'orig', begin, fields, complete: true })
      return tx
    })
    return { txs, database: used }
  })
  const isLoader = asked.kind === 'result' && (!isExecute || state.isMariadb)
  const isSql = asked.kind === 'result' || isPrepare
  open.push({
    kind: asked.kind,
    isExecute,
    // Since MariaDB 10.6 in prepared statements too.
    mayLoad: isLoader && statements.some(mayLoad),
    unsettles: asked.unsettles === true || (isSql && statements.some(changesSession)),
    mayUse:
      !isPrepare && statements.some((one) => mayUse(one) || (isExecute && one.first === 'USE')),
    groups,
    statements: asked.statements ?? null,
    ...{ sequence: 0, left: 0, begin: null },
    stage: asked.kind === 'rows' || asked.kind === 'stream' ? 'rows' : 'first',
  } satisfies Command)
  return facts
}

/** EXECUTE, a compound statement, SET STATEMENT … FOR, and what is not read. */
const mayUse = (statement: Statement): boolean =>
  statement.ambiguous.includes('verb') && (statement.first === 'BEGIN' || changesSession(statement))

const mayChooseDatabase = ({ groups, mayUse }: Command): boolean =>
  mayUse || groups.some(({ database }) => database !== null)

const isDatabaseUnsure = ({ databaseUnsure, open }: MysqlState): boolean =>
  databaseUnsure || open.some(mayChooseDatabase)

const mayLoad = ({ first, ambiguous }: Statement): boolean =>
  first === 'LOAD' || ambiguous.includes('verb')
