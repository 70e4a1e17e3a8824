/** What was told of a client's octets, and what of the server's deeds is not among it. */
import type { Fact } from '../../../../src/core/inspect/contract.js'

export interface Told {
  readonly verbs: ReadonlySet<string>
  readonly tables: ReadonlySet<string>
  /** Fields that are told as not sure. */
  readonly ambiguous: ReadonlySet<string>
}

export interface Executed {
  /** With their schema or database: `s.a`. */
  readonly tables: readonly string[]
  /** Of each deed the verbs that may name it. */
  readonly verbs: readonly (readonly string[])[]
}

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value : value === undefined ? [] : [String(value)]

export function toldOf(facts: readonly Fact[]): Told {
  const asked = facts.flatMap((fact) =>
    fact.kind === 'tx' && fact.dir === 'orig' ? [fact.fields] : [],
  )
  const all = (name: string): Set<string> =>
    new Set(asked.flatMap((fields) => listOf(fields[name])))
  return { verbs: all('verb'), tables: all('tables'), ambiguous: all('ambiguous') }
}

/** '' = all was told. */
export function untold(told: Told, did: Executed): string {
  const missing: string[] = []
  const names = [...told.tables]
  const last = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
  if (!told.ambiguous.has('tables')) {
    for (const table of did.tables) {
      const isTold = told.tables.has(table) || names.includes(last(table))
      if (!isTold) missing.push(`table ${table}`)
    }
  }
  // What a procedure does is not in the text.
  if (!told.ambiguous.has('verb') && !told.verbs.has('CALL')) {
    for (const verbs of did.verbs) {
      if (!verbs.some((verb) => told.verbs.has(verb))) missing.push(`verb ${verbs[0]}`)
    }
  }
  return missing.join(', ')
}
