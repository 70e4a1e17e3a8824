/** The client's messages: what each asks for, one transaction per verb of each statement. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { At, Fact } from '../../../core/inspect/contract.js'
import { fieldsOf } from '../sql/fields.js'
import type { SavedStatements } from '../sql/prepared.js'
import {
  type Dialect,
  readStatements,
  STATEMENT_OCTETS,
  type Statement,
  UNREAD,
} from '../sql/statement.js'
import { text } from './message.js'
import type { Pending, PostgresqlState, Statements } from './session.js'

/** NAMEDATALEN of the server: the rest of a name is cut off. */
const NAME_OCTETS = 63
/** Two names beyond the server's limit, and the octets around them. */
const NAMES_OCTETS = 512

/** Octets of a message's body that are read; what no rule asks for is skipped. */
export function readableOctets(type: string): number {
  if (type === 'Q') return STATEMENT_OCTETS
  if (type === 'P') return NAMES_OCTETS + STATEMENT_OCTETS
  return 'BECD'.includes(type) ? NAMES_OCTETS : 0
}

/** A message's beginning. `whole`: it is all of it. */
export interface Body {
  readonly octets: Uint8Array
  readonly whole: boolean
  readonly begin: At
}

/** The message's facts, or the clause that it violates. */
export function readMessage(
  state: PostgresqlState,
  type: string,
  body: Body,
): readonly Fact[] | string {
  switch (type) {
    case 'Q':
      return query(state, body)
    case 'P':
      return parse(state, body)
    case 'B':
      return bind(state, body)
    case 'E':
      return execute(state, body)
    case 'C':
      return close(state, body)
    case 'D':
      return pend(state, 'describe', [])
    case 'F':
      return tell(state, body.begin, 'call', [CALL])
    case 'S':
      state.failed = false
      return pend(state, 'sync', [])
    // Flush, Terminate.
    case 'H':
    case 'X':
      return []
    case 'd':
    case 'c':
    case 'f':
      return copy(state)
    default:
      return 'message type'
  }
}

const CALL: Statement = { ...UNREAD, verbs: ['CALL'], ambiguous: ['tables'], first: 'CALL' }

function query(state: PostgresqlState, body: Body): readonly Fact[] | string {
  const end = body.octets.indexOf(0)
  if (body.whole ? end !== body.octets.length - 1 : end >= 0) return 'Query string'
  const statements = readStatements(
    { octets: latin1(body.octets, 0, end < 0 ? undefined : end), whole: end >= 0, several: true },
    dialectOf(state),
  )
  return tell(state, body.begin, 'query', statements)
}

/** While it copies, the server passes over a Sync. */
function copy({ open }: PostgresqlState): readonly Fact[] {
  for (let i = open.length - 1; i >= 0; i--) {
    const pending = open[i]
    if (pending?.kind !== 'sync' || pending.isInCopy) break
    pending.isInCopy = true
  }
  return []
}

/** What SQL does to the statements and portals of the protocol: they are the same. */
function change(state: PostgresqlState, statements: Statements): SavedStatements<string> {
  return statements.flatMap(({ first, object }) => {
    if (first === 'DISCARD' || (first === 'DEALLOCATE' && object === 'all')) {
      return state.statements.save()
    }
    if (object === null) return []
    // Whether it was in quotes, and kept its case, is not known; nor how other letters than ASCII are written here.
    const isMeant = (name: string): boolean =>
      name.toLowerCase() === object || /[^ -~]/.test(object)
    if (first === 'DEALLOCATE') return state.statements.where(isMeant)
    const unread = { statements: [UNREAD], database: state.database }
    if (first === 'PREPARE') {
      for (const [name] of state.statements.where(isMeant)) state.statements.set(name, unread)
    } else if (first === 'DECLARE') {
      for (const [name] of state.portals.where(isMeant)) state.portals.delete(name)
    }
    return []
  })
}

/**
 * Any function may set another encoding or kind of strings, the end of a transaction and every error may bring back an
 * earlier one; ParameterStatus comes with ReadyForQuery.
 */
function dialectOf({ busy, standardStrings, shifts }: PostgresqlState): Dialect {
  const backslash = busy ? 'unsure' : standardStrings ? 'plain' : 'escapes'
  return { server: 'postgresql', backslash, shifts: shifts || busy }
}

/** As the server knows it; null = cut off. */
function nameIn(reader: Reader, octets: Uint8Array): string | null {
  const name = text(reader, octets)
  return name === null ? null : latin1(name, 0, NAME_OCTETS)
}

function parse(state: PostgresqlState, body: Body): readonly Fact[] | string {
  const { octets } = body
  const reader = new Reader(octets)
  const name = nameIn(reader, octets)
  if (name === null) return 'name of a prepared statement'
  const end = octets.indexOf(0, reader.at)
  if (end < 0 && body.whole) return 'Parse string'
  const limit = Math.min(end < 0 ? octets.length : end, reader.at + STATEMENT_OCTETS)
  const whole = limit === end
  const source = { octets: latin1(octets, reader.at, limit), whole, several: false }
  const statements = readStatements(source, dialectOf(state))
  if (!state.failed) remember(state, name, statements)
  return tell(state, body.begin, 'parse', statements)
}

/** A name that is in use stays what it was, if the server has it still: either may be executed. */
function remember(state: PostgresqlState, name: string, statements: Statements): void {
  const known = name === '' ? undefined : state.statements.get(name)
  const either = known === undefined ? statements : [...known.statements, ...statements]
  state.statements.set(name, {
    statements: either.length > 2 ? [UNREAD] : either,
    database: state.database,
  })
}

function bind(state: PostgresqlState, body: Body): readonly Fact[] | string {
  const reader = new Reader(body.octets)
  const portal = nameIn(reader, body.octets)
  const name = nameIn(reader, body.octets)
  if (portal === null || name === null) return 'names in Bind'
  const statement = state.statements.get(name)
  if (!state.failed) {
    if (statement === undefined) state.portals.delete(portal)
    else state.portals.set(portal, statement)
  }
  return pend(state, 'bind', [])
}

function execute(state: PostgresqlState, body: Body): readonly Fact[] | string {
  const portal = nameIn(new Reader(body.octets), body.octets)
  if (portal === null) return 'name of a portal'
  const statements = state.portals.get(portal)?.statements ?? [UNREAD]
  return tell(state, body.begin, 'execute', statements)
}

function close(state: PostgresqlState, body: Body): readonly Fact[] | string {
  const reader = new Reader(body.octets)
  const isPortal = reader.u8() === 0x50
  const name = nameIn(reader, body.octets)
  if (name === null) return 'name in Close'
  if (!state.failed) (isPortal ? state.portals : state.statements).delete(name)
  return pend(state, 'close', [])
}

/** A transaction for each verb of each statement. */
function tell(
  state: PostgresqlState,
  begin: At,
  kind: Pending['kind'],
  statements: Statements,
): readonly Fact[] {
  const { user, database } = state
  const facts: Fact[] = []
  const groups = statements.map((statement) =>
    fieldsOf(statement, { user, database, databaseUnsure: false }).map((fields) => {
      const tx = state.nextTx++
      facts.push({ kind: 'tx', tx, dir: 'orig', begin, fields, complete: true })
      return tx
    }),
  )
  // A Query is skipped too, up to the next Sync.
  const changes = !state.failed && (kind === 'query' || kind === 'execute')
  pend(state, kind, groups, changes ? change(state, statements) : [])
  return facts
}

/** What the server skips gets no answer. */
function pend(
  state: PostgresqlState,
  kind: Pending['kind'],
  groups: Pending['groups'],
  forgets: Pending['forgets'] = [],
): readonly Fact[] {
  if (state.failed) return []
  state.open.push({ kind, groups, forgets, isInCopy: false, copies: false, begin: null })
  state.busy = true
  return []
}
