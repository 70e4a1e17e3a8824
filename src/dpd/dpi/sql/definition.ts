/** Words of statements that define, maintain and administer: what table they promise next. */
import type { Dialect } from './lexer.js'
import {
  ENDS_TABLES,
  MODIFIERS,
  NAMES_FOLLOW,
  NOT_TABLES,
  OPTIONS,
  POSTGRESQL_ENDS_TABLES,
  ROUTINES,
} from './words.js'

export interface Context {
  readonly word: string
  /** The word or mark before it. */
  readonly last: string
  /** Of the statement. */
  readonly first: string
  /** Parentheses around it. */
  readonly depth: number
  /** Within a query. */
  readonly reads: boolean
  readonly server: Dialect['server']
}

export type Effect =
  | 'none'
  | 'target'
  | 'targets'
  | 'source'
  | 'sources'
  | 'unsureTables'
  | 'unsureVerb'

/** TABLE and VIEW of these are followed by a list of names. */
const LISTS = new Set([
  ...['DROP', 'TRUNCATE', 'LOCK', 'RENAME', 'ANALYZE', 'OPTIMIZE', 'CHECK', 'CHECKSUM', 'REPAIR'],
  ...['FLUSH', 'VACUUM'],
])
/** ON of these names a table. */
const ON_TABLE = new Set(['CREATE', 'DROP', 'ALTER'])
const SHOWN = ['FIELDS', 'COLUMNS', 'INDEX', 'INDEXES', 'KEYS']

export function effectOf(context: Context): Effect {
  const { word, last, first, depth, reads } = context
  const defines = first === 'CREATE' || first === 'ALTER'
  if (defines && depth === 0 && !reads && ROUTINES.has(word)) return 'unsureTables'
  switch (word) {
    case 'TABLE':
    case 'TABLES':
    case 'VIEW':
    case 'SEQUENCE':
      return LISTS.has(first) ? 'targets' : 'target'
    case 'REFERENCES':
      return 'target'
    case 'INHERITS':
    case 'INHERIT':
      return 'sources'
    case 'OF':
      return last === 'PARTITION' ? 'target' : 'none'
    case 'LIKE':
      return first === 'CREATE' && !reads ? 'target' : 'none'
    case 'TO':
      return first === 'RENAME' || last === 'RENAME' ? 'target' : 'none'
    case 'PARTITION':
      return last === 'ATTACH' || last === 'DETACH' ? 'target' : 'none'
    case 'ON':
      return ON_TABLE.has(first) && !reads && depth === 0 ? 'target' : 'none'
    default:
      return administers(context)
  }
}

function administers({ word, last, first, server }: Context): Effect {
  // Holds another statement.
  if (first === 'SET' && last === 'SET' && word === 'STATEMENT') return 'unsureVerb'
  // NEXT VALUE FOR s, and s.nextval of sql_mode ORACLE.
  if (server === 'mysql' && word === 'FOR' && last === 'VALUE') return 'target'
  if (server === 'mysql' && last === '.' && /^(?:NEXT|CURR)VAL$/.test(word)) return 'unsureTables'
  if (first === 'SHOW' && SHOWN.includes(last) && (word === 'FROM' || word === 'IN')) {
    return 'target'
  }
  return 'none'
}

/** MariaDB: what these are called with is a sequence. */
export const SEQUENCE_FUNCTIONS = new Set(['NEXTVAL', 'LASTVAL', 'SETVAL'])

/** Whether the word stands between the one that promises a table and the table's name. */
export function standsBefore(
  word: string,
  { first, last, depth, server }: Context,
  explaining: boolean,
): boolean {
  if (MODIFIERS.has(word) || (word === 'ONLY' && server === 'postgresql')) return true
  if ((explaining || NAMES_FOLLOW.has(first)) && OPTIONS.has(word)) return true
  // EXPLAIN FORMAT = JSON …, EXPLAIN (FORMAT JSON) …
  return explaining && (last === '=' || depth > 0)
}

/** Of the word after GRANT … ON and REVOKE … ON. */
export function grantedObject(word: string): 'table' | 'other' | 'all' {
  if (word === 'ALL') return 'all'
  return NOT_TABLES.has(word) ? 'other' : 'table'
}

/** Their verbs are names of privileges. */
export const GRANTS = new Set(['GRANT', 'REVOKE'])

/** Whether a comma brings no table any more. */
export function endsTables(
  word: string,
  last: string,
  first: string,
  server: Dialect['server'],
): boolean {
  // USE INDEX FOR ORDER BY (…)
  if (last === 'FOR') return false
  if (ENDS_TABLES.has(word)) return true
  if (GRANTS.has(first)) return word === 'TO' || word === 'FROM'
  return server === 'postgresql' && POSTGRESQL_ENDS_TABLES.has(word)
}
