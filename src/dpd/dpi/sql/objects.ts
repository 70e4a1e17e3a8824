/** What DROP, ALTER and the like are about: of most objects the text does not say to which table they belong. */
import type { Dialect } from './lexer.js'

type Server = Dialect['server']

/** Stand between the verb and the kind of object. */
const BEFORE = new Set([
  ...['TEMPORARY', 'MATERIALIZED', 'FOREIGN', 'ONLINE', 'OFFLINE', 'IGNORE', 'UNIQUE', 'OR'],
  ...['REPLACE', 'TEMP', 'UNLOGGED', 'GLOBAL', 'LOCAL', 'FULLTEXT', 'SPATIAL', 'ON', 'EVENT'],
])
/** Their names stand there, or that of the table after ON, or they touch none. */
const NAMED = ['TABLE', 'TABLES', 'VIEW', 'SEQUENCE', 'POLICY', 'RULE', 'ROLE', 'USER', 'GROUP']
const TOLD: Readonly<Record<string, ReadonlySet<string>>> = {
  DROP: new Set([...NAMED, 'PUBLICATION', 'SUBSCRIPTION', 'TABLESPACE', 'PREPARE']),
  ALTER: new Set([...NAMED, 'TRIGGER', 'DATABASE', 'SYSTEM', 'SERVER', 'TABLESPACE']),
  COMMENT: new Set(['TABLE', 'VIEW', 'SEQUENCE', 'ROLE', 'DATABASE', 'SCHEMA', 'TABLESPACE']),
  REINDEX: new Set(['TABLE']),
}
const TOLD_BY_SERVER: Readonly<Record<Server, ReadonlySet<string>>> = {
  // DROP INDEX … ON; a trigger's table is not said.
  mysql: new Set(['DROP INDEX', 'DROP FUNCTION', 'DROP PROCEDURE', 'DROP EVENT', 'DROP SERVER']),
  postgresql: new Set(['DROP TRIGGER']),
}
/** CREATE says of these what others are for, in a list of its own. */
const UNTOLD_OF_CREATE = new Set(['STATISTICS', 'PUBLICATION'])

/** The kind of object of one statement. */
export class ObjectKind {
  #kind = ''

  constructor(readonly server: Server) {}

  /** Whether after `word` of a statement that begins with `first` the tables are not sure. */
  hides(first: string, word: string): boolean {
    if (this.#kind === '') {
      if (word === first || BEFORE.has(word)) return false
      this.#kind = word
      return !this.#isTold(first, word)
    }
    // Of CREATE SCHEMA, and ALTER SEQUENCE … OWNED BY.
    if (first === 'CREATE' && this.#kind === 'SCHEMA') return word === 'CREATE' || word === 'GRANT'
    return this.#kind === 'SEQUENCE' && word === 'OWNED'
  }

  #isTold(first: string, kind: string): boolean {
    if (first === 'CREATE') return !UNTOLD_OF_CREATE.has(kind)
    const told = TOLD[first]
    return (
      told === undefined || told.has(kind) || TOLD_BY_SERVER[this.server].has(`${first} ${kind}`)
    )
  }
}

/** PostgreSQL: these have options in parentheses right behind them. */
const WITH_OPTIONS = new Set(['VACUUM', 'ANALYZE', 'CLUSTER', 'REINDEX'])

/** The parentheses after the first word, which name no table. */
export class OptionList {
  #depth = 0

  /** `last` is the word or mark before. True: the mark or word belongs to them. */
  takes(kind: string, text: string, first: string, last: string): boolean {
    const opens = kind === 'mark' && text === '('
    if (this.#depth === 0 && !(opens && last === first && WITH_OPTIONS.has(first))) return false
    if (opens) this.#depth++
    else if (kind === 'mark' && text === ')') this.#depth--
    return true
  }
}
