import t from 'tap'
import { verdictsOf } from '../../src/dpd/verdicts.js'
import { compiled, ingressPolicy, POD } from './judge/bench.js'

t.test('what decides an endpoint is the same under policies that differ elsewhere', async (t) => {
  const before = compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]'), 1)
  const verdicts = verdictsOf(before, POD)
  const again = compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]'), 2)
  t.equal(verdictsOf(again, POD), verdicts, 'another generation')
  const other = ingressPolicy('[{ ports: [{ port: 1 }] }, {}]')
    .replace(/name: \w+/, 'name: aaa')
    .replace(/podSelector: \{.*\}/, 'podSelector: { matchLabels: { no: pod } }')
  const beside = compiled(`${other}\n---\n${ingressPolicy('[{ ports: [{ port: 80 }] }]')}`, 3)
  t.equal(verdictsOf(beside, POD), verdicts, 'rules of others, and so other numbers')
  for (const [what, policy] of [
    ['a port', compiled(ingressPolicy('[{ ports: [{ port: 81 }] }]'), 4)],
    ['the mode', compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]', 'monitor'), 5)],
    ['quarantine', compiled(ingressPolicy('[]'), 6, { quarantined: new Set([POD]) })],
  ] as const) {
    t.not(verdictsOf(policy, POD), verdicts, what)
  }
})
