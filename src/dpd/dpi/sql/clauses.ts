/** What the words of a statement promise: a table next, a list of them, or code that is not read. */
import { type Context, type Effect, effectOf, endsTables, GRANTS } from './definition.js'
import { TableNames } from './frame.js'
import type { Lexer } from './lexer.js'
import { ObjectKind } from './objects.js'
import { Scope } from './scope.js'

/** source: may name a common table expression. target: names a real table. */
type Expect = 'none' | 'source' | 'target'

export class Clauses {
  readonly verbs: string[] = []
  readonly names = new TableNames()
  readonly scope = new Scope()
  /** The first word, upper case; '' = none yet. */
  first = ''
  unsureVerb = false
  /** What USE, DEALLOCATE, PREPARE and DECLARE name. */
  object: string | null = null
  protected expect: Expect = 'none'
  protected explaining = false
  /** Upper-case words, or marks. */
  protected last = ''
  protected beforeLast = ''
  readonly #objectKind: ObjectKind

  constructor(readonly lexer: Lexer) {
    this.#objectKind = new ObjectKind(lexer.dialect.server)
  }

  protected get isPostgresql(): boolean {
    return this.lexer.dialect.server === 'postgresql'
  }

  protected clause(word: string, isVerb: boolean): void {
    const top = this.scope.top
    const { server } = this.lexer.dialect
    if (endsTables(word, this.last, this.first, server)) top.list = false
    if (GRANTS.has(this.first)) {
      // Verbs are names of privileges here.
      if (word === 'ON') this.obey('targets')
      return
    }
    switch (word) {
      case 'SELECT':
        top.reads = true
        top.list = false
        top.joined = false
        break
      case 'INSERT':
      case 'REPLACE':
        if (isVerb) this.expect = 'target'
        break
      case 'UPDATE':
      case 'DELETE':
        if (isVerb) top.reads = true
        if (isVerb && word === 'UPDATE') this.obey('targets')
        break
      case 'FROM':
        this.#from()
        break
      case 'JOIN':
      case 'STRAIGHT_JOIN':
        this.#join(word)
        break
      case 'USING':
        if (/^(?:DELETE|MERGE)$/.test(top.verb) && !top.joined) this.obey('sources')
        break
      case 'INTO':
        this.expect = 'target'
        break
      case 'SET':
        if (top.verb === 'UPDATE') top.list = false
        break
      default:
        this.obey(this.#effect(word))
    }
  }

  /** The name comes next. */
  protected get isNamed(): boolean {
    const { first, last } = this
    return last === first && (first === 'PREPARE' || first === 'DECLARE')
  }

  #effect(word: string): Effect {
    const { first } = this
    if (first === 'USE' || first === 'DEALLOCATE' || this.isNamed) this.object = this.lexer.name
    if (this.scope.depth === 0 && this.#objectKind.hides(first, word)) this.names.unsure = true
    return effectOf(this.context(word))
  }

  protected context(word: string): Context {
    const { first, scope } = this
    const { server } = this.lexer.dialect
    return { word, last: this.last, first, depth: scope.depth, reads: scope.top.reads, server }
  }

  protected obey(effect: Effect): void {
    if (effect === 'unsureVerb') this.unsureVerb = true
    else if (effect === 'unsureTables') this.names.unsure = true
    else if (effect !== 'none') {
      this.expect = effect === 'source' || effect === 'sources' ? 'source' : 'target'
      if (effect === 'sources' || effect === 'targets') this.scope.top.list = true
    }
  }

  #from(): void {
    const top = this.scope.top
    const isCompared = this.last === 'DISTINCT' && /^(?:IS|NOT)$/.test(this.beforeLast)
    if (this.first === 'PREPARE' && !top.reads) {
      // The text is a string or a variable.
      this.unsureVerb = true
    } else if (top.reads && !isCompared) {
      const isTarget = top.verb === 'DELETE' && !top.aimed
      top.aimed = true
      this.obey(isTarget ? 'targets' : 'sources')
    } else {
      this.obey(this.#effect('FROM'))
    }
  }

  #join(word: string): void {
    // USE INDEX FOR JOIN, SELECT STRAIGHT_JOIN
    if (this.last === 'FOR' || (word === 'STRAIGHT_JOIN' && !this.scope.top.list)) return
    this.obey('sources')
    this.scope.top.joined = true
  }
}
