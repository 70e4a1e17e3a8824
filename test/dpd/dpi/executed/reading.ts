/** What the registry's parsers say of one opener's octets. */
import { fromLatin1 } from '../../../../src/core/bytes.js'
import type { Fact } from '../../../../src/core/inspect/contract.js'
import { deliver } from '../deliver.js'

export interface Reading<Told> {
  readonly app: string | null
  readonly told: readonly Told[]
  /** The flow ends there, under every rule set. */
  readonly isMalformed: boolean
}

export function readingOf<Told>(
  text: string,
  toldBy: (fact: Fact) => readonly Told[],
): Reading<Told> {
  const { facts, app, state } = deliver([{ dir: 'orig', octets: fromLatin1(text), ended: false }])
  return {
    app,
    told: facts.flatMap(({ fact }) => toldBy(fact)),
    isMalformed: state === 'malformed',
  }
}
