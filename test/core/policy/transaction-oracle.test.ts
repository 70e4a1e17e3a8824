import t from 'tap'
import type { Fields } from '../../../src/core/inspect/contract.js'
import { evaluate } from '../../../src/core/policy/evaluate.js'
import { compiled, STRANGER, setOf, toWeb, WEB } from './fixture.js'
import { Random } from './random-policy.js'
import { transactionOracle } from './transaction-oracle.js'

const SETS = 500
const TRANSACTIONS = 8

/** Per app: facts, what they may say, and whether they are lists. */
const FACTS: Readonly<Record<string, Readonly<Record<string, readonly (string | string[])[]>>>> = {
  http: {
    method: ['GET', 'get', 'PUT'],
    host: ['a.x', 'A.X', 'b.y'],
    path: ['/', '/a', '/a/b'],
    grpcService: ['s.A', 's.B'],
    grpcMethod: ['Get', 'Put'],
    'header.x': ['1', '2'],
  },
  tls: { sni: ['a.x', 'b.y'], alpn: [['h2'], ['h2', 'http/1.1'], []], ja4: ['t13d', 't12d'] },
  quic: { sni: ['a.x'], alpn: [['h3']] },
  dns: { names: [['a.x'], ['a.x', 'b.y'], ['B.Y']], types: [['A'], ['A', 'MX'], ['MX']] },
  mysql: { verb: ['SELECT', 'DROP'], tables: [['t'], ['s.t', 'u'], [], ['u.u']] },
  postgresql: { verb: ['SELECT'], tables: [['t'], ['s.t', 's.u'], ['u']] },
  redis: { command: ['GET', 'CONFIG'], subcommand: ['GET', 'SET'], keys: [['a'], ['a', 'b'], []] },
  kafka: { api: ['Fetch', 'Produce'], topics: [['a'], ['a', 'b'], []], clientId: ['c', 'd'] },
}
const PATTERNS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  http: { methods: ['GET', 'P*'], hosts: ['a.x', '*.y'], paths: ['/', '/a*'] },
  grpc: { services: ['s.*', 's.A'], methods: ['Get'] },
  tls: { sni: ['a.x', '*'], alpn: ['h2', 'h*'], ja4: ['t13*'] },
  dns: { names: ['a.x', '*'], types: ['A', 'M*'] },
  sql: { verbs: ['select', '*'], tables: ['t', 's.t', 's.*', 'u', '*'] },
  redis: { commands: ['get', 'CONFIG', 'config get', '*'], keys: ['a', '*'] },
  kafka: { apis: ['fetch', '*'], topics: ['a', '*'], clientIds: ['c'] },
}

function entry(random: Random, block: string): object {
  const fields = Object.entries(PATTERNS[block] ?? {}).filter(() => random.chance(50))
  const headers = random.pick([
    [{ name: 'X', present: true }],
    [{ name: 'x', present: false }],
    [{ name: 'x', equals: '1' }],
  ])
  return {
    ...Object.fromEntries(fields.map(([key, patterns]) => [key, random.some(patterns, 2)])),
    ...(block === 'http' && random.chance(30) ? { headers } : {}),
  }
}

function rule(random: Random): object {
  const blocks = random.some(Object.keys(PATTERNS), 2)
  const entries = (block: string) =>
    Array.from({ length: 1 + random.below(2) }, () => entry(random, block))
  return {
    ...Object.fromEntries(blocks.map((block) => [block, entries(block)])),
    ...(random.chance(35) ? { action: 'deny' } : {}),
  }
}

function transaction(random: Random): { readonly app: string; readonly fields: Fields } {
  const app = random.pick(Object.keys(FACTS))
  const facts = Object.entries(FACTS[app] ?? {}).filter(() => random.chance(80))
  const fields = Object.fromEntries(facts.map(([name, values]) => [name, random.pick(values)]))
  const ambiguous = random.chance(15) ? [random.pick(Object.keys(FACTS[app] ?? {}))] : []
  return { app, fields: ambiguous.length === 0 ? fields : { ...fields, ambiguous } }
}

function policyOf(random: Random): string {
  const rules = Array.from({ length: 1 + random.below(5) }, () => rule(random))
  return JSON.stringify({
    apiVersion: 'vethwall.dev/v1',
    kind: 'Policy',
    metadata: { name: 'p', namespace: WEB.namespace },
    spec: { podSelector: {}, ingress: random.chance(30) ? [...rules, {}] : rules },
  })
}

t.setTimeout(120_000)
t.test('blocks agree with the documents read literally', async (t) => {
  const seen = { allow: 0, deny: 0, undecided: 0 }
  const wrong: object[] = []
  for (let seed = 1; seed <= SETS; seed++) {
    const random = new Random(seed)
    const text = policyOf(random)
    const set = setOf(text)
    const policies = compiled(set)
    const rules = set.policies[0]?.ingress ?? []
    for (let i = 0; i < TRANSACTIONS; i++) {
      const { app, fields } = transaction(random)
      const judge = (complete: boolean, known: Fields) =>
        evaluate(policies, WEB.id, toWeb(STRANGER), { app, tx: { app, fields: known, complete } })
      const wanted = transactionOracle(rules, app, fields)
      const { verdict } = judge(true, fields)
      seen[verdict]++
      // With one fact still to come only what holds for every value may be said.
      const [first, ...rest] = Object.entries(fields)
      const early = judge(false, Object.fromEntries(rest)).verdict
      if (early === 'undecided') seen.undecided++
      const isEarlyWrong =
        first !== undefined && !Array.isArray(first[1]) && early !== 'undecided' && early !== wanted
      if (verdict !== wanted || isEarlyWrong)
        wrong.push({ text, app, fields, wanted, verdict, early })
    }
  }
  t.same(wrong.slice(0, 1), [])
  for (const [verdict, count] of Object.entries(seen)) t.ok(count > SETS / 4, verdict, { count })
})
