import t from 'tap'
import { Flow } from '../../../src/dpd/judge/flow.js'
import { FlowTable } from '../../../src/dpd/judge/flow-table.js'
import { Bench } from './bench.js'

const bench = new Bench('')
const some = bench.judge.flow(bench.open({})) as Flow
const flow = (id: number): Flow => new Flow({ ...some, flow: id }, some.endpoint, some.ruling, 0)
const FIRST = 2 ** 40 + 2 ** 32 - 500

t.test('as a Map would, while flows come and go past its growth and past 2^32', async (t) => {
  const table = new FlowTable()
  const expected = new Map<number, Flow>()
  for (let id = FIRST; id < FIRST + 1000; id++) {
    const one = flow(id)
    table.add(one)
    expected.set(id, one)
    if (id % 3 !== 0) continue
    const gone = expected.get(id - 2)
    if (gone === undefined) continue
    table.delete(gone)
    table.delete(gone)
    expected.delete(gone.id)
  }
  t.equal(table.size, expected.size)
  t.same(new Set([...table].map(({ id }) => id)), new Set(expected.keys()))
  for (let id = FIRST - 10; id < FIRST + 1010; id++) t.equal(table.get(id), expected.get(id))
})

t.test('the oldest, one after another', async (t) => {
  const table = new FlowTable()
  for (let id = FIRST; id < FIRST + 300; id++) table.add(flow(id))
  const order: number[] = []
  for (let oldest = table.oldest(); oldest !== undefined; oldest = table.oldest()) {
    order.push(oldest.id)
    table.delete(oldest)
  }
  t.same(
    order,
    Array.from({ length: 300 }, (_, i) => FIRST + i),
  )
})
