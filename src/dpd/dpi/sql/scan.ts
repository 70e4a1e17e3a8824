/** One statement's tokens, in order: which verbs and which tables. No grammar: what is not sure is told as such. */
import { Clauses } from './clauses.js'
import { grantedObject, SEQUENCE_FUNCTIONS, standsBefore } from './definition.js'
import type { Lexer } from './lexer.js'
import { OptionList } from './objects.js'
import { DML, EXPLAINED, NAMES_FOLLOW, OPAQUE, READABLE, TABLES_ALONE } from './words.js'

const NO_NAMES: ReadonlySet<string> = new Set()

export class Scan extends Clauses {
  #start = true
  readonly #options = new OptionList()

  constructor(lexer: Lexer) {
    super(lexer)
    // Reserved there, and no table.
    if (!this.isPostgresql) this.scope.ctes.add('dual')
  }

  take(): void {
    const { kind, text, name } = this.lexer
    if (this.isPostgresql && this.#options.takes(kind, text, this.first, this.last)) return
    if (this.names.isReading && this.lexer.strange && kind !== 'mark') this.names.unsure = true
    if (this.names.isReading && !this.names.continues(kind, text, name)) {
      this.#commit(kind === 'mark' ? text : '')
    }
    if (!this.names.isReading) {
      if (kind === 'word') this.#word(text)
      else if (kind === 'mark') this.#mark(text)
      else this.#text(kind === 'quoted')
    }
    this.beforeLast = this.last
    this.last = kind === 'quoted' ? '"' : kind === 'string' ? "'" : text
  }

  end(): void {
    if (this.names.isReading) this.#commit('')
    if (this.expect !== 'none' && !TABLES_ALONE.has(this.first)) this.names.unsure = true
    // WITH serves some statement.
    if (this.verbs.length === 0) {
      this.unsureVerb = true
      this.verbs.push(this.first)
    }
  }

  /** A function's name is followed by a parenthesis; what it does is not in the text. */
  #commit(after: string): void {
    const isSource = this.expect === 'source'
    this.expect = 'none'
    this.names.finish(!(isSource && after === '('), isSource ? this.scope.ctes : NO_NAMES)
  }

  #text(quoted: boolean): void {
    this.#start = false
    if (this.first === '') this.#begin('?')
    if (quoted && this.scope.defines(this.last)) this.scope.top.defined = this.lexer.name
    if (quoted && this.first === 'USE') this.object = this.lexer.text
    if (quoted && (this.first === 'DEALLOCATE' || this.isNamed)) this.object = this.lexer.name
    if (this.expect === 'none') return
    if (quoted) this.#beginName()
    else this.#disappoint()
  }

  /** Where a table was to come stands something that is not read. */
  #disappoint(): void {
    this.expect = 'none'
    this.names.unsure = true
  }

  #beginName(): void {
    if (this.lexer.strange) this.names.unsure = true
    this.names.begin(this.lexer.name)
  }

  #mark(mark: string): void {
    if (mark === '(') {
      this.#open()
      return
    }
    if (mark === ')') {
      this.#close()
      return
    }
    if (this.first === '') this.#begin('?')
    this.#start = false
    if (this.explaining) return
    if (mark === ',') {
      if (this.expect !== 'none') this.#disappoint()
      if (this.scope.top.list) this.expect = this.scope.top.reads ? 'source' : 'target'
    } else if (this.expect !== 'none') {
      // SELECT … INTO @variable
      if (mark === '@' && this.last === 'INTO') this.expect = 'none'
      else this.#disappoint()
    }
  }

  #open(): void {
    const { scope } = this
    const isList = this.expect === 'source'
    // MySQL: UPDATE (a JOIN b) SET …
    if (this.expect === 'target' && /^(?:UPDATE|FROM)$/.test(this.last)) this.names.unsure = true
    if (!isList && !this.explaining) this.expect = 'none'
    const isCte = scope.top.with && (this.last === 'AS' || this.last === 'MATERIALIZED')
    const isMain = scope.top.verbal && (this.#start || this.explaining)
    const isCopied = this.first === 'COPY' && scope.depth === 0
    scope.isOuterWith = this.first === 'WITH' || this.explaining || scope.isOuterWith
    if (!scope.open(isMain || isCopied, isCte, isList)) this.unsureVerb = true
    if (!this.isPostgresql && SEQUENCE_FUNCTIONS.has(this.last)) this.expect = 'target'
    this.#start = true
  }

  #close(): void {
    if (this.expect !== 'none' && !this.explaining) this.#disappoint()
    this.scope.close()
    this.#start = false
  }

  /** INSERT INTO t WITH …, CREATE TABLE t AS WITH …, EXPLAIN WITH … */
  get #mayDefine(): boolean {
    const { verb, reads } = this.scope.top
    return this.explaining || this.last === 'AS' || (/^(?:INSERT|REPLACE)$/.test(verb) && !reads)
  }

  #word(word: string): void {
    const starts = this.#start
    this.#start = false
    if (this.#executes(word) || this.#opensBlock(word)) this.unsureVerb = true
    if (this.first === '' || this.#explains(word)) {
      this.#begin(word)
    } else if (this.expect !== 'none') {
      const isQuery = DML.has(word) || word === 'WITH'
      if (isQuery && starts && this.scope.top.list) {
        // A subquery, where a table could have been.
        this.expect = 'none'
        this.scope.top.list = false
      } else if (!(this.explaining && isQuery) && this.#name(word)) {
        return
      }
    }
    if (word === 'WITH' && (starts || this.#mayDefine)) {
      this.scope.top.with = true
      this.expect = 'none'
      return
    }
    const wasWith = this.scope.top.with
    if (this.scope.takesDefinition(word, this.lexer.name, this.last)) return
    if (wasWith) this.#start = true
    if (word === 'TABLE' && this.first === 'ANALYZE') this.explaining = false
    const isVerb = this.#isVerb(word, starts)
    if (isVerb) this.#addVerb(word)
    this.clause(word, isVerb)
  }

  /** EXPLAIN EXECUTE, CREATE TABLE … AS EXECUTE. */
  #executes(word: string): boolean {
    if (word !== 'EXECUTE') return false
    return this.explaining || (this.first === 'CREATE' && this.last === 'AS')
  }

  /** MariaDB: BEGIN NOT ATOMIC, and with sql_mode ORACLE BEGIN and DECLARE. */
  #opensBlock(word: string): boolean {
    if (this.isPostgresql) return false
    return this.first === ''
      ? word === 'DECLARE'
      : this.last === 'BEGIN' && this.first === 'BEGIN' && word !== 'WORK'
  }

  /** What EXPLAIN stands before begins a statement, of which it executes what it ANALYZEs. */
  #explains(word: string): boolean {
    return this.explaining && this.scope.depth === 0 && EXPLAINED.has(word)
  }

  /** True where the word is a table's name, or stands before one. */
  #name(word: string): boolean {
    if (word === 'OUTFILE' || word === 'DUMPFILE') {
      this.expect = 'none'
      return true
    }
    // ALTER TABLE ALL IN TABLESPACE
    if (word === 'ALL' && this.first === 'ALTER') this.names.unsure = true
    if (standsBefore(word, this.context(word), this.explaining)) return true
    if (this.last === 'ON' && grantedObject(word) !== 'table') {
      if (grantedObject(word) === 'all') this.names.unsure = true
      this.expect = 'none'
      this.scope.top.list = false
      return true
    }
    this.#beginName()
    return true
  }

  #isVerb(word: string, starts: boolean): boolean {
    if (!DML.has(word)) return false
    // ANALYZE TABLE maintains; what CREATE … AS reads is no verb of its own.
    if (word === 'TABLE' && this.first === 'ANALYZE') return false
    if (word === 'SELECT' && this.first === 'CREATE') return false
    if (this.first === 'PREPARE' && this.last === 'AS') return true
    const isPlace = starts || this.#start || this.explaining
    return isPlace && this.scope.top.verbal && this.scope.top.verb === ''
  }

  #addVerb(word: string): void {
    this.#start = false
    this.scope.top.verb = word
    this.explaining = false
    this.expect = 'none'
    if (!this.verbs.includes(word)) this.verbs.push(word)
  }

  #begin(word: string): void {
    this.first = word
    if (word === 'WITH') return
    if (!READABLE.has(word)) this.unsureVerb = true
    if (!DML.has(word)) this.verbs.push(word)
    if (OPAQUE.has(word)) this.names.unsure = true
    const executes = word === 'ANALYZE' && !this.isPostgresql
    this.expect = 'none'
    this.explaining = executes || word === 'EXPLAIN' || word === 'DESCRIBE' || word === 'DESC'
    if (this.explaining && !executes) this.expect = 'target'
    else if (NAMES_FOLLOW.has(word) && !executes) this.obey('targets')
  }
}
