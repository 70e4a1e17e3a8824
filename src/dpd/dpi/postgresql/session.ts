/** What is known of one connection. */
import type { At, TxId } from '../../../core/inspect/contract.js'
import { PreparedStatements, type SavedStatements } from '../sql/prepared.js'
import type { Statement } from '../sql/statement.js'

/** Messages without an answer, beyond which the opener's octets rest: pipelines of drivers are shorter. */
export const OPEN_MESSAGES = 256
/** Transactions without a reply. */
export const OPEN_TX = 256

/** A message that the server answers, by the message that ends the answer. */
export interface Pending {
  readonly kind: 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'call' | 'sync'
  /** The transactions of each statement, in order. */
  readonly groups: TxId[][]
  /** Statements that the server has no more if it succeeds. */
  forgets: SavedStatements<string>
  /** Of a Sync: COPY's data, or its end, was sent after it. */
  isInCopy: boolean
  /** The server has asked for COPY's data. */
  copies: boolean
  /** First octet of the answer to the first group. */
  begin: At | null
}

export interface PostgresqlState {
  phase: 'startup' | 'encryption' | 'authentication' | 'session' | 'refused'
  /** What was asked for in phase `encryption`. */
  asked: 'ssl' | 'gss'
  /** One past the request, in the opener's octets. */
  askedEnd: At
  user: string
  database: string
  standardStrings: boolean
  /** Of the client's character set: an octet of ASCII may be the second one of a character. */
  shifts: boolean
  /** The server has said so for the first time. */
  ready: boolean
  readonly open: Pending[]
  /** Something was sent since the server was ready: it tells of other settings when it is ready again. */
  busy: boolean
  nextTx: TxId
  /** The server skips to the next Sync. */
  failed: boolean
  readonly statements: PreparedStatements<string>
  readonly portals: PreparedStatements<string>
}

export type SavedSession = readonly [
  user: string,
  database: string,
  standardStrings: boolean,
  shifts: boolean,
  ready: boolean,
  nextTx: TxId,
  statements: SavedStatements<string>,
  portals: SavedStatements<string>,
]

/** Every message is answered. */
export function saveSession(state: PostgresqlState): SavedSession | null {
  const { user, database, standardStrings, shifts, ready, nextTx, statements, portals } = state
  if (state.phase !== 'session' || state.busy || state.failed) return null
  return [user, database, standardStrings, shifts, ready, nextTx, statements.save(), portals.save()]
}

export function restoreSession(saved: SavedSession): PostgresqlState {
  const [user, database, standardStrings, shifts, ready, nextTx, statements, portals] = saved
  return {
    ...openSession(),
    ...{ phase: 'session', user, database, standardStrings, shifts, ready, nextTx },
    statements: PreparedStatements.restore(statements),
    portals: PreparedStatements.restore(portals),
  }
}

export const openSession = (): PostgresqlState => ({
  phase: 'startup',
  asked: 'ssl',
  askedEnd: 0,
  user: '',
  database: '',
  standardStrings: true,
  shifts: false,
  ready: false,
  open: [],
  busy: false,
  nextTx: 0,
  failed: false,
  statements: new PreparedStatements<string>(),
  portals: new PreparedStatements<string>(),
})

export type Statements = readonly Statement[]
