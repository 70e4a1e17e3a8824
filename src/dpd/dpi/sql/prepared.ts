/** Statements that a session has prepared, by the server's number or the client's name for them. */
import type { Statement } from './statement.js'

/** Connectors keep 250 or so; the oldest are forgotten, and their execution is ambiguous. */
const ENTRIES = 512
/** Of all names and tables. */
const CHARACTERS = 65_536

export interface Prepared {
  readonly statements: readonly Statement[]
  /** Unqualified names are of the database at that time. */
  readonly database: string
  /** Which one that was is not known. */
  readonly databaseUnsure?: boolean
}

export type SavedStatements<K> = readonly (readonly [key: K, prepared: Prepared])[]

export class PreparedStatements<K> {
  readonly #kept = new Map<K, Prepared>()
  #characters = 0

  /** Oldest first. */
  save(): SavedStatements<K> {
    return [...this.#kept]
  }

  static restore<K>(saved: SavedStatements<K>): PreparedStatements<K> {
    const restored = new PreparedStatements<K>()
    for (const [key, prepared] of saved) restored.set(key, prepared)
    return restored
  }

  get(key: K): Prepared | undefined {
    return this.#kept.get(key)
  }

  set(key: K, prepared: Prepared): void {
    this.delete(key)
    this.#kept.set(key, { ...prepared, statements: copyOf(prepared.statements) })
    this.#characters += sizeOf(key, prepared)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= ENTRIES && this.#characters <= CHARACTERS) return
      this.delete(oldest)
    }
  }

  delete(key: K): void {
    const known = this.#kept.get(key)
    if (known === undefined) return
    this.#kept.delete(key)
    this.#characters -= sizeOf(key, known)
  }

  where(isMeant: (key: K) => boolean): SavedStatements<K> {
    return this.save().filter(([key]) => isMeant(key))
  }

  clear(): void {
    this.#kept.clear()
    this.#characters = 0
  }
}

function sizeOf(key: unknown, { statements, database }: Prepared): number {
  let characters = String(key).length + database.length
  for (const { verbs, tables } of statements) {
    for (const text of verbs) characters += text.length
    for (const text of tables) characters += text.length
  }
  return characters
}

/** Its names would else keep the whole text alive that they were cut from. */
const copyOf = (statements: readonly Statement[]): readonly Statement[] =>
  JSON.parse(JSON.stringify(statements))
