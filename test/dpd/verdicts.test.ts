import { serialize } from 'node:v8'
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
  const node = ['10.1.0.1', 'fe80::1']
  const known = verdictsOf(compiled(ingressPolicy('[]'), 1, { nodeAddresses: node }), POD)
  const more = (address: string) =>
    compiled(ingressPolicy('[]'), 2, { nodeAddresses: [...node, address] })
  t.equal(verdictsOf(more('fe80::2'), POD), known, 'one more pod’s link of the node')
  t.not(verdictsOf(more('10.1.0.3'), POD), known, 'another address of the node')
  for (const [what, policy] of [
    ['a port', compiled(ingressPolicy('[{ ports: [{ port: 81 }] }]'), 4)],
    ['the mode', compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]', 'monitor'), 5)],
    ['quarantine', compiled(ingressPolicy('[]'), 6, { quarantined: new Set([POD]) })],
  ] as const) {
    t.not(verdictsOf(policy, POD), verdicts, what)
  }
})

t.test('how V8 keeps a number decides nothing', async (t) => {
  const policy = compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]'), 1)
  const settings = policy.endpoint(POD)
  if (settings === null) throw new Error('no such endpoint')
  // What was ever a fraction is kept as a double.
  const doubles = [0.5]
  const asDouble = (value: number): number => {
    doubles[0] = value
    return doubles[0]
  }
  const rules = settings.ingress.rules.map((rule) => ({ ...rule, certain: asDouble(rule.certain) }))
  const same = { ...settings, ingress: { ...settings.ingress, rules } }
  t.notOk(serialize(same).equals(serialize(settings)), 'it is kept otherwise')
  t.equal(verdictsOf({ ...policy, endpoint: () => same }, POD), verdictsOf(policy, POD))
})
