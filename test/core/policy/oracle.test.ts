import t from 'tap'
import { compile } from '../../../src/core/policy/compile.js'
import { type Connection, evaluate } from '../../../src/core/policy/evaluate.js'
import { oracle } from './oracle.js'
import {
  MANY_RULES,
  Random,
  randomConnection,
  randomInput,
  randomNames,
  randomPolicies,
} from './random-policy.js'

const SETS = 1500
/** One in so many has lists of many rules. */
const EVERY = 150
const CONNECTIONS = 20

interface Disagreement {
  readonly seed: number
  readonly text: string
  readonly wanted: string
  readonly got: string
  readonly connection: Connection
}

function firstDisagreement(seen: Record<string, number>): Disagreement | null {
  for (let seed = 1; seed <= SETS; seed++) {
    const random = new Random(seed)
    const text = randomPolicies(random, seed % EVERY === 0 ? MANY_RULES : undefined)
    const input = randomInput(random, text, seed)
    const compiled = compile(input)
    for (let i = 0; i < CONNECTIONS; i++) {
      const { id } = random.pick(input.endpoints)
      const connection = randomConnection(random)
      const names = randomNames(connection.destination)
      const wanted = oracle(input, id, connection, names)
      const got = evaluate(compiled, id, connection, { app: null }, () => names).verdict
      seen[got] = (seen[got] ?? 0) + 1
      if (got !== wanted) return { seed, text, wanted, got, connection }
    }
  }
  return null
}

t.test('evaluate agrees with the rules read literally, for every random policy', async (t) => {
  const seen: Record<string, number> = { allow: 0, deny: 0, undecided: 0 }
  t.equal(firstDisagreement(seen), null)
  for (const [verdict, count] of Object.entries(seen)) {
    t.ok(count > SETS / 3, `${verdict} is among the cases`, { count })
  }
})
