/** Parentheses within parentheses, and what WITH has named in them. */
import { type Frame, openFrame } from './frame.js'
import { DML } from './words.js'

/** Parentheses within parentheses. */
const DEPTH = 64

export class Scope {
  top: Frame = openFrame(true, null, false)
  /** Common table expressions of the whole statement. */
  readonly ctes = new Set<string>()
  /** The statement begins with WITH, but for EXPLAIN. */
  isOuterWith = false
  readonly #outer: Frame[] = []
  #recursive = false

  get depth(): number {
    return this.#outer.length
  }

  /** False: deeper than is followed. */
  open(verbal: boolean, isCte: boolean, isList: boolean): boolean {
    if (this.#outer.length >= DEPTH) return false
    const { defined } = this.top
    this.#outer.push(this.top)
    this.top = openFrame(isCte || verbal, isCte ? defined : null, isList)
    // One that is recursive is known in itself.
    if (isCte && this.#recursive && this.depth === 1) this.#define(defined)
    return true
  }

  close(): void {
    const outer = this.#outer.pop()
    if (outer === undefined) return
    const { cte, verb } = this.top
    this.top = outer
    if (cte !== null && this.depth === 0) this.#define(cte)
    else if (cte === null && verb !== '' && outer.verb === '' && !outer.with) outer.verb = verb
  }

  /** The scope of one within a subquery is not followed: its name counts as a table's. */
  #define(cte: string): void {
    if (this.isOuterWith) this.ctes.add(cte)
  }

  /** Whether a name stands here that WITH defines; `last` is the word or mark before it. */
  defines(last: string): boolean {
    return this.top.with && (last === 'WITH' || last === 'RECURSIVE' || last === ',')
  }

  /** True where the word belongs to the definitions after WITH. */
  takesDefinition(word: string, name: string, last: string): boolean {
    if (!this.top.with) return false
    if (word === 'RECURSIVE') this.#recursive = true
    else if (this.defines(last)) this.top.defined = name
    else if (DML.has(word)) this.top.with = false
    return this.top.with
  }
}
