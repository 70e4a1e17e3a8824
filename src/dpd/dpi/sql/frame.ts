/** What is known of one pair of parentheses, or of the statement around all of them. */
export interface Frame {
  /** Its first word may be a verb of the statement. */
  readonly verbal: boolean
  /** The common table expression that it defines. */
  readonly cte: string | null
  /** SELECT, UPDATE or DELETE stand in it: its FROM names tables. */
  reads: boolean
  /** A comma brings another table. */
  list: boolean
  joined: boolean
  /** The FROM of DELETE was read. */
  aimed: boolean
  /** Between WITH and the statement that it serves. */
  with: boolean
  /** Name of the common table expression that follows. */
  defined: string
  verb: string
}

export const openFrame = (verbal: boolean, cte: string | null, list: boolean): Frame => ({
  verbal,
  cte,
  list,
  reads: list,
  joined: false,
  aimed: false,
  with: false,
  defined: '',
  verb: '',
})

/** Tables of one statement; a rule could hardly be meant for more. */
const TABLES = 64

/** The names found so far, and the one that is being read. */
export class TableNames {
  readonly tables: string[] = []
  /** More than are kept, or one that could not be read. */
  unsure = false
  #parts: string[] = []
  #afterDot = false

  get isReading(): boolean {
    return this.#parts.length > 0
  }

  begin(name: string): void {
    this.#parts = [name]
    this.#afterDot = false
  }

  /** True when the token belongs to the name: a dot, or what follows one. */
  continues(kind: string, text: string, name: string): boolean {
    if (!this.#afterDot) {
      this.#afterDot = kind === 'mark' && text === '.'
      return this.#afterDot
    }
    this.#afterDot = false
    const isPart = kind === 'word' || kind === 'quoted'
    if (isPart || text === '*') this.#parts.push(isPart ? name : '*')
    else this.unsure = true
    return isPart || text === '*'
  }

  /** The name that was read; a single one may be known by `others`. */
  finish(keep: boolean, others: ReadonlySet<string>): void {
    const name = this.#parts.join('.')
    const known = this.#parts.length === 1 && others.has(name)
    if (this.#afterDot) this.unsure = true
    this.#parts = []
    if (!keep || known || this.tables.includes(name)) return
    if (this.tables.length >= TABLES) this.unsure = true
    else this.tables.push(name)
  }
}
