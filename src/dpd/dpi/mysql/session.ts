/** What is known of one connection. */
import type { At, TxId } from '../../../core/inspect/contract.js'
import { type Prepared, PreparedStatements, type SavedStatements } from '../sql/prepared.js'
import type { Statement } from '../sql/statement.js'

/** Transactions without a reply, beyond which the opener's octets rest. */
export const OPEN_TX = 64
/** Statements being prepared: what their texts name is kept until the server has numbered them. */
export const OPEN_PREPARES = 8

/** The transactions of one statement, that one result answers. */
export interface Group {
  readonly txs: readonly TxId[]
  /** Of USE, when it succeeds. */
  readonly database: string | null
}

/** How the reply to a command is laid out. */
export type ReplyKind = 'result' | 'single' | 'text' | 'prepare' | 'rows' | 'stream'

/** A command that the server answers. */
export interface Command {
  readonly kind: ReplyKind
  readonly isExecute: boolean
  /** LOAD DATA LOCAL may be in it: what follows is a file if the server asks for it. */
  readonly mayLoad: boolean
  /** sql_mode may be another one after it. */
  readonly unsettles: boolean
  /** What it executes may hold a USE. */
  readonly mayUse: boolean
  readonly groups: Group[]
  /** Of COM_STMT_PREPARE. */
  readonly statements: readonly Statement[] | null
  /** Of its last packet. */
  sequence: number
  stage: 'first' | 'definitions' | 'definitionsEnd' | 'rows' | 'file'
  /** Definitions that are still to come. */
  left: number
  /** First octet of the result that goes on. */
  begin: At | null
}

export interface MysqlState {
  phase: 'greeting' | 'login' | 'authentication' | 'command' | 'refused'
  isMariadb: boolean
  serverCapabilities: number
  /** What both sides can. */
  capabilities: number
  cachesMetadata: boolean
  noBackslashEscapes: boolean
  /** What failed may have set another sql_mode first, and an error does not tell it. */
  modeUnsure: boolean
  /** Of the client's character set, or one that it may have chosen: an octet of ASCII may be a second one. */
  shifts: boolean
  user: string
  database: string
  /** What was executed may have chosen another one. */
  databaseUnsure: boolean
  /** Packets of the authentication that the server has asked for. */
  asked: number
  readonly open: Command[]
  nextTx: TxId
  /** The packet before was of the greatest length: the next one goes on with it. */
  readonly continues: { orig: boolean; reply: boolean }
  readonly prepared: PreparedStatements<number>
  /** MariaDB: number -1 means the last one. */
  lastPrepared: Prepared | null
}

export const openSession = (): MysqlState => ({
  phase: 'greeting',
  isMariadb: false,
  serverCapabilities: 0,
  capabilities: 0,
  cachesMetadata: false,
  noBackslashEscapes: false,
  modeUnsure: false,
  shifts: false,
  user: '',
  database: '',
  databaseUnsure: false,
  asked: 0,
  open: [],
  nextTx: 0,
  continues: { orig: false, reply: false },
  prepared: new PreparedStatements<number>(),
  lastPrepared: null,
})

type Simple = Omit<MysqlState, 'open' | 'continues' | 'prepared'>
export type SavedSession = readonly [simple: Simple, prepared: SavedStatements<number>]

/** Every command is answered. */
export function saveSession(state: MysqlState): SavedSession | null {
  const { open, continues, prepared, ...simple } = state
  const isBetween = open.length === 0 && !continues.orig && !continues.reply
  return state.phase === 'command' && isBetween ? [simple, prepared.save()] : null
}

export const restoreSession = ([simple, prepared]: SavedSession): MysqlState => ({
  ...openSession(),
  ...simple,
  prepared: PreparedStatements.restore(prepared),
})

/** A flag's value, not its sign. */
export const can = (state: MysqlState, capability: number): boolean =>
  (state.capabilities & capability) !== 0
