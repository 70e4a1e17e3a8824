/** SQL text → its statements: verbs and tables, as far as a text can tell them. */
import { latin1 } from '../../../core/bytes.js'
import { type Dialect, Lexer } from './lexer.js'
import { Scan } from './scan.js'

export type { Dialect } from './lexer.js'

/** Octets of one message's text that are read: less than the engine holds of one direction. */
export const STATEMENT_OCTETS = 12_288
/** Statements of one message; dumps are restored with one each. */
export const STATEMENTS = 32

export interface Statement {
  /** Upper case: the main one, those of common table expressions, and what EXPLAIN or PREPARE stand before. */
  readonly verbs: readonly string[]
  /** Lower case, without quotes, in order of appearance. */
  readonly tables: readonly string[]
  readonly ambiguous: readonly ('verb' | 'tables')[]
  /** Upper case. */
  readonly first: string
  /** Of USE: the database from then on. Of DEALLOCATE and PREPARE: the statement, of DECLARE: the cursor, lower case. */
  readonly object: string | null
}

export interface Text {
  readonly octets: string
  /** false: the text goes on beyond what is given. */
  readonly whole: boolean
  /** Statements may follow each other, with ; between. */
  readonly several: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** What cannot be read at all. */
export const UNREAD: Statement = {
  verbs: [],
  tables: [],
  ambiguous: ['verb', 'tables'],
  first: '',
  object: null,
}

export function readStatements(text: Text, dialect: Dialect): Statement[] {
  const lexer = new Lexer(text.octets, dialect)
  const statements: Statement[] = []
  for (let isLast = false; !isLast; ) {
    const scan = new Scan(lexer)
    isLast = readStatement(lexer, scan)
    if (scan.first === '') continue
    if (statements.length === STATEMENTS) return [...statements, UNREAD]
    statements.push(statementOf(scan, isLast ? text : null))
    if (changesSession(scan)) lexer.unsettle()
  }
  const isVain = statements.length === 0
  if (isVain && (!text.whole || lexer.unsure || lexer.open)) return [UNREAD]
  return statements
}

/** Up to its semicolon; true at the end of the text. */
function readStatement(lexer: Lexer, scan: Scan): boolean {
  for (;;) {
    lexer.next()
    if (lexer.kind === 'end') return true
    if (lexer.kind === 'mark' && lexer.text === ';') return false
    scan.take()
  }
}

/** `cut` of the last statement: the text that may have gone on. */
function statementOf(scan: Scan, cut: Text | null): Statement {
  scan.end()
  const { lexer, names, first, verbs, object } = scan
  const goesOn = cut !== null && !cut.whole
  const unsureVerb =
    scan.unsureVerb ||
    lexer.unsure ||
    (lexer.open && !goesOn) ||
    (goesOn && (cut.several || first === 'WITH' || cut.octets.trimEnd().length === first.length))
  const unsureTables = unsureVerb || names.unsure || goesOn
  return {
    verbs,
    tables: names.tables,
    ambiguous: unsureVerb ? ['verb', 'tables'] : unsureTables ? ['tables'] : [],
    first,
    object,
  }
}

/** Whether sql_mode may be another one after it. */
export const changesSession = ({ first }: { readonly first: string }): boolean => !KEEPS.has(first)

const KEEPS = new Set([
  ...['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'VALUES', 'TABLE', 'WITH', 'BEGIN'],
  ...['START', 'COMMIT', 'ROLLBACK', 'SAVEPOINT', 'RELEASE', 'SHOW', 'USE', 'CREATE', 'ALTER'],
  ...['DROP', 'TRUNCATE', 'LOCK', 'UNLOCK', 'EXPLAIN', 'DESCRIBE', 'DESC'],
])

/** Text of a client, in UTF-8 where it is that. */
export function textOf(octets: Uint8Array): string {
  try {
    return utf8.decode(octets)
  } catch {
    return latin1(octets)
  }
}
