import t from 'tap'
import {
  addressWords,
  blockSpans,
  rangesContain,
  rangesOf,
} from '../../../src/core/policy/address-ranges.js'
import type { CompiledRule, PortRange } from '../../../src/core/policy/compiled.js'
import { type Addressed, matchingRules } from '../../../src/core/policy/rule-index.js'
import { Random } from './random-policy.js'

type Matched = Pick<CompiledRule, 'peers' | 'ports'>

function ruleOf(id: number, { peers, ports }: Matched): CompiledRule {
  const blocks = { fqdn: null, entries: [] }
  return { id, deny: false, peers, ports, apps: null, ...blocks, certain: -1, possible: -1 }
}

/** Nested blocks around one address, or scattered ones: more than an index keeps apart. */
function randomPeers(random: Random) {
  const spans = random.chance(40)
    ? [`10.1.0.0/${20 + random.below(13)}`, `fd00::/${112 + random.below(17)}`]
    : Array.from({ length: random.below(random.chance(20) ? 100 : 6) }, () =>
        random.chance(50)
          ? `10.1.${random.below(4)}.${random.below(256)}/32`
          : `fd00::${random.below(1024).toString(16)}/127`,
      )
  return rangesOf(spans.flatMap((cidr) => blockSpans(cidr, [])))
}

function randomPorts(random: Random): PortRange[] {
  return Array.from({ length: random.below(random.chance(20) ? 9 : 4) }, () => {
    const first = random.below(20)
    const last = random.chance(20) ? 65535 : first + random.below(6)
    return { protocol: random.pick([6, 17, 132]), first, last }
  })
}

function randomRules(random: Random): CompiledRule[] {
  const sets = Array.from({ length: 1 + random.below(40) }, () => randomPeers(random))
  return Array.from({ length: random.below(150) }, (_, id) =>
    ruleOf(id, {
      peers: random.chance(15) ? null : random.pick(sets),
      ports: random.chance(15) ? null : randomPorts(random),
    }),
  )
}

function isMatched({ peers, ports }: CompiledRule, text: string, asked: Addressed): boolean {
  const { protocol, destinationPort: port } = asked
  const isPort = ports?.some((p) => p.protocol === protocol && p.first <= port && port <= p.last)
  return (isPort ?? true) && (peers === null || rangesContain(peers, addressWords(text)))
}

t.test('the index finds what a look at each rule finds, in the same order', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed)
    const rules = randomRules(random)
    for (let i = 0; i < 50; i++) {
      const text = random.chance(50)
        ? `10.1.${random.below(4)}.${random.below(256)}`
        : `fd00::${random.below(1024).toString(16)}`
      const asked = { protocol: random.pick([6, 17, 132, 1]), destinationPort: random.below(30) }
      const wanted = rules.filter((rule) => isMatched(rule, text, asked)).map(({ id }) => id)
      const got = matchingRules(rules, asked, addressWords(text)).map(({ id }) => id)
      if (got.join() === wanted.join()) continue
      t.same(got, wanted, `seed ${seed}`, { text, asked, rules })
      return
    }
  }
  t.pass('300 lists')
})

/** Each rule of a list of so many would take milliseconds. */
const RULES = 20_000
const LOOK_UPS = 20_000
const MS_MAX = 2000

t.test('a look-up among 20 000 rules looks at few', async (t) => {
  const rules = Array.from({ length: RULES }, (_, id) =>
    ruleOf(id, {
      peers: rangesOf(blockSpans(`10.${id >> 16}.${(id >> 8) & 255}.${id & 255}/32`, [])),
      ports: [{ protocol: 6, first: id % 1000, last: id % 1000 }],
    }),
  )
  // Each of the first ones indexes some more of them.
  for (let i = 0; i < RULES / 20; i++)
    matchingRules(rules, { protocol: 6, destinationPort: 1 }, addressWords('10.0.0.1'))
  const started = performance.now()
  let found = 0
  for (let i = 0; i < LOOK_UPS; i++) {
    const peer = addressWords(`10.0.${(i >> 8) & 255}.${i & 255}`)
    found += matchingRules(rules, { protocol: 6, destinationPort: i % 1000 }, peer).length
  }
  const tookMs = performance.now() - started
  t.equal(found, LOOK_UPS)
  t.comment(`${((tookMs / LOOK_UPS) * 1000).toFixed(1)} us each`)
  t.ok(tookMs < MS_MAX, `${tookMs} ms`)
})
