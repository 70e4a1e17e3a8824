import t from 'tap'
import { Turnstile } from '../../src/dpd/ruled/turnstile.js'
import { isSameVerdicts, verdictsOf } from '../../src/dpd/ruled/verdicts.js'
import { compiled, ingressPolicy, POD } from './judge/bench.js'

t.test('what decides an endpoint is the same under policies that differ elsewhere', async (t) => {
  const before = compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]'), 1)
  const verdicts = verdictsOf(before, POD)
  const again = compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]'), 2)
  t.ok(isSameVerdicts(verdicts, verdictsOf(again, POD)), 'another generation')
  const other = ingressPolicy('[{ ports: [{ port: 1 }] }, {}]')
    .replace(/name: \w+/, 'name: aaa')
    .replace(/podSelector: \{.*\}/, 'podSelector: { matchLabels: { no: pod } }')
  const beside = compiled(`${other}\n---\n${ingressPolicy('[{ ports: [{ port: 80 }] }]')}`, 3)
  t.ok(isSameVerdicts(verdicts, verdictsOf(beside, POD)), 'rules of others, and so other numbers')
  for (const [what, policy] of [
    ['a port', compiled(ingressPolicy('[{ ports: [{ port: 81 }] }]'), 4)],
    ['the mode', compiled(ingressPolicy('[{ ports: [{ port: 80 }] }]', 'monitor'), 5)],
    ['quarantine', compiled(ingressPolicy('[]'), 6, { quarantined: new Set([POD]) })],
  ] as const) {
    t.notOk(isSameVerdicts(verdicts, verdictsOf(policy, POD)), what)
  }
})

t.test('so many at once, in the order that they came, whatever one throws', async (t) => {
  const turnstile = new Turnstile(2)
  const log: number[] = []
  let inside = 0
  const work = (n: number) => async (): Promise<void> => {
    log.push(n)
    t.ok(++inside <= 2)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    if (n === 1) throw new Error('fails')
  }
  await Promise.allSettled([0, 1, 2, 3, 4].map((n) => turnstile.through(work(n))))
  t.same(log, [0, 1, 2, 3, 4])
})
