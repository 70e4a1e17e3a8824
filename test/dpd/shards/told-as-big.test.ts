import t from 'tap'
import type { EngineEvent } from '../../../src/core/inspect/contract.js'
import { ToldAsBig } from '../../../src/dpd/shards/told-as-big.js'

const NOTHING = { orig: 0, reply: 0 }
const COUNTS = { packets: NOTHING, octets: NOTHING }
const closed = (flow: number): EngineEvent => {
  return { ev: 'closed', flow, endpoint: 1, how: 'fin', counts: COUNTS }
}
const TUPLE = {
  ...{ protocol: 6, source: '10.0.0.1', sourcePort: 40_000 },
  ...{ destination: '10.0.0.2', destinationPort: 443, vlan: 0 },
}
const big = (flow: number): EngineEvent => {
  return { ev: 'big', flow, endpoint: 1, tuple: TUPLE, podSide: 'opener', epoch: 7 }
}

t.test('big flows and their ends, and nothing of others', (t) => {
  const told = new ToldAsBig()
  const gap: EngineEvent = {
    ...{ ev: 'gap', flow: 1, endpoint: 1, dir: 'orig' },
    ...{ at: 0, octets: 1, cause: 'lost' },
  }
  const recall: EngineEvent = { ev: 'recall', flow: 9, endpoint: 1 }
  t.same(told.of([closed(1), big(1), gap, closed(2)]), [big(1)])
  t.same(told.of([closed(1), closed(1), recall]), [closed(1), recall], 'an end once')
  t.same(told.of([big(3), { ev: 'lost', events: 2 }, closed(3)]), [
    big(3),
    { ev: 'lost', events: 2 },
  ])
  t.end()
})
