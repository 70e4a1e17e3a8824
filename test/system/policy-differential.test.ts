/** The engine's table and the evaluation in TypeScript decide alike while no app is known. */
import t, { type Test } from 'tap'
import { type Address, parseAddress } from '../../src/core/address.js'
import { type CompileInput, compile } from '../../src/core/policy/compile.js'
import { type Connection, evaluate } from '../../src/core/policy/evaluate.js'
import { LearnedNames, type NativeNames } from '../../src/dpd/engine/learned-names.js'
import { addon } from '../../src/intercept/addon.js'
import {
  MANY_RULES,
  Random,
  randomConnection,
  randomInput,
  randomNames,
  randomPolicies,
} from '../core/policy/random-policy.js'

interface Case {
  readonly endpoint: number
  readonly connection: Connection
}
interface EngineConnection {
  readonly endpoint: number
  readonly podSide: 'opener' | 'receiver'
  readonly protocol: number
  readonly destinationPort: number
  readonly source: Address
  readonly destination: Address
  readonly atMs: number
}
type L4Evaluate = (
  block: Uint8Array,
  connection: EngineConnection,
  names: NativeNames,
) => { readonly verdict: string; readonly rule: number }

const l4Evaluate = addon().l4Evaluate as L4Evaluate
const SETS = 300
const CONNECTIONS = 100
/** One in so many has lists of many rules. */
const EVERY = 5

const nowMs = (): number => 1
const book = new LearnedNames({ isShared: false, graceMs: 1000, nowMs })

function byEngine(block: Uint8Array, { endpoint, connection }: Case): string {
  const one = {
    endpoint,
    podSide: connection.podSide,
    protocol: connection.protocol,
    destinationPort: connection.destinationPort,
    source: parseAddress(connection.source),
    destination: parseAddress(connection.destination),
    atMs: nowMs(),
  }
  const { verdict, rule } = l4Evaluate(block, one, book.native)
  return `${verdict} ${rule}`
}

/** Verdicts of both; where they differ the test fails and the rest is not tried. */
function compare(t: Test, input: CompileInput, cases: readonly Case[]): Set<string> {
  const compiled = compile(input)
  const seen = new Set<string>()
  for (const one of cases) {
    const { endpoint, connection } = one
    const address = connection.destination
    for (const name of randomNames(address))
      book.learn(endpoint, { name, addresses: [address], ttlSeconds: 60 })
    const names = (): readonly string[] => book.namesOf(endpoint, address, 0)
    const { verdict, rule } = evaluate(compiled, endpoint, connection, { app: null }, names)
    const wanted = `${verdict} ${rule}`
    const got = byEngine(compiled.l4Block, one)
    seen.add(wanted)
    if (got === wanted) continue
    t.equal(got, wanted, `generation ${input.generation}`, { one, policies: input.set.policies })
    break
  }
  return seen
}

t.test('every random connection gets the same verdict and rule from both', async (t) => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= SETS; seed++) {
    const random = new Random(seed)
    const mostRules = seed % EVERY === 0 ? MANY_RULES : undefined
    const input = randomInput(random, randomPolicies(random, mostRules), seed)
    const cases = Array.from({ length: CONNECTIONS }, () => ({
      endpoint: random.chance(95) ? random.pick(input.endpoints).id : 9999,
      connection: randomConnection(random),
    }))
    for (const verdict of compare(t, input, cases)) seen.add(verdict)
  }
  t.ok(seen.size > 20, 'many rules decided', { seen: [...seen] })
  t.ok(seen.has('undecided 0'), 'some wait for the app')
})

t.test('10 000 peers', async (t) => {
  const from = Array.from({ length: 10_000 }, (_, i) => ({
    ipBlock: { cidr: `10.${i >> 8}.${i & 255}.2/32` },
  }))
  const document = {
    apiVersion: 'vethwall.dev/v1',
    kind: 'Policy',
    metadata: { name: 'many', namespace: 'a' },
    spec: { podSelector: {}, ingress: [{ from }] },
  }
  const random = new Random(1)
  const cases = Array.from({ length: 1000 }, (_, i) => ({
    endpoint: 5,
    connection: {
      podSide: 'receiver' as const,
      protocol: 6,
      source: `10.${random.below(45)}.${random.below(256)}.${1 + (i % 3)}`,
      destination: '192.0.2.5',
      destinationPort: 80,
    },
  }))
  const input = {
    ...randomInput(random, JSON.stringify(document), 1),
    endpoints: [{ id: 5, namespace: 'a', pod: 'p', addresses: ['192.0.2.5'] }],
    quarantined: new Set<number>(),
  }
  t.same([...compare(t, input, cases)].sort(), ['allow 16', 'deny 1'])
})

t.test('a damaged block is an error and not a verdict', async (t) => {
  const random = new Random(4)
  const input = randomInput(random, randomPolicies(random), 1)
  const { l4Block } = compile(input)
  const one = { endpoint: 1, connection: randomConnection(random) }
  for (let bit = 0; bit < l4Block.length * 8; bit += 7) {
    const damaged = Uint8Array.from(l4Block)
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.throws(() => byEngine(damaged, one), /policy block: /)
  }
})
