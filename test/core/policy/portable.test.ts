import t from 'tap'
import { evaluate } from '../../../src/core/policy/evaluate.js'
import { fromPortable, toPortable } from '../../../src/core/policy/portable.js'
import { CLIENT, compiled, DB, policy, setOf, WEB } from './fixture.js'

t.test('a policy that crossed to another thread says the same', async (t) => {
  const set = setOf(
    policy('web', 'podSelector: {}\ningress: [{http: [{methods: [GET], hosts: ["*.shop"]}]}]'),
  )
  const original = compiled(set, { endpoints: [WEB, CLIENT, DB] })
  const crossed = fromPortable(structuredClone(toPortable(original, [1, 2, 99])))
  const connection = {
    podSide: 'receiver' as const,
    protocol: 6,
    source: '10.0.0.2',
    destination: '10.0.0.1',
    destinationPort: 80,
  }
  for (const host of ['a.shop', 'a.hop']) {
    const fields = { method: 'GET', host, path: '/' }
    const facts = { app: 'http', tx: { app: 'http', fields, complete: true } }
    const [here, there] = [original, crossed].map((each) => evaluate(each, 1, connection, facts))
    t.same(there, here, host)
  }
  t.same(crossed.rules, original.rules)
  t.equal(crossed.endpoint(99), null)
  t.equal(crossed.endpoint(3), null, 'an endpoint that was not asked for')
  const [web, client] = [crossed.endpoint(1), crossed.endpoint(2)]
  t.equal(web?.egress, client?.egress, 'shared directions stay shared')
})
