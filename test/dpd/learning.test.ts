import t from 'tap'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { learnedPolicy } from '../../src/core/policy/learn.js'
import { loadPolicySet } from '../../src/core/policy/load.js'
import { tuplesOf } from '../../src/dpd/learned-tuples.js'
import { LEARNED_MAX, Learning } from '../../src/dpd/learning.js'
import { Peers } from '../../src/dpd/peers.js'
import { Bench } from './judge/bench.js'

t.test('seen twice is learned once, kept over restarts, capped', async (t) => {
  const dir = t.testdir({})
  const learning = new Learning(dir, t.fail)
  const tuple = (port: number) =>
    ({
      direction: 'egress',
      peer: { cidr: '192.0.2.1/32' },
      protocol: 6,
      port,
      app: 'http',
    }) as const
  learning.learn('default', 'web', tuple(80))
  learning.learn('default', 'web', tuple(80))
  t.equal(learning.count('default', 'web'), 1)
  for (let port = 1; port <= LEARNED_MAX + 10; port++) learning.learn('default', 'web', tuple(port))
  t.equal(learning.count('default', 'web'), LEARNED_MAX)
  t.equal(learning.overflow, 10)
  learning.save()
  t.equal(new Learning(dir, t.fail).count('default', 'web'), LEARNED_MAX)
})

t.test('a flow in discover becomes a policy that imports unchanged', async (t) => {
  const bench = new Bench('', { mode: 'discover', enforced: false, depth: 'transactions' })
  const directory = {
    ...EMPTY_DIRECTORY,
    pods: [
      { namespace: 'default', name: 'client', labels: { app: 'client' }, addresses: ['10.2.0.1'] },
    ],
  }
  const peers = new Peers(directory, [], ['192.0.2.9'])
  const id = bench.open({}, { l4: 'allow', rule: 2 })
  bench.octets(id, 'orig', 0, 'GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n')
  const flow = bench.judge.flow(id)
  if (flow === undefined) return t.fail()
  const tuples = tuplesOf(
    flow,
    (address) => peers.learned(address),
    flow.transactions[0]?.fields ?? {},
  )
  t.match(tuples, [
    {
      direction: 'ingress',
      peer: { namespace: 'default', labels: { app: 'client' } },
      port: 80,
      app: 'http',
      name: 'shop.example',
    },
  ])
  const text = learnedPolicy({ namespace: 'default', pod: 'web', labels: { app: 'web' }, tuples })
  t.match(loadPolicySet([{ path: 'learned.yaml', text }]), { ok: true })
  const v6 = bench.open({ source: 'fd00::99', destination: 'fd00::7' }, { l4: 'allow', rule: 2 })
  const other = bench.judge.flow(v6)
  if (other === undefined) return t.fail()
  t.match(
    tuplesOf(other, (address) => peers.learned(address), {}),
    [{ peer: { cidr: 'fd00::99/128' }, app: null }],
  )
  return undefined
})
