import t from 'tap'
import { LabelCounts } from '../../src/dpd/label-counts.js'

t.test('each combination has a counter of its own', async (t) => {
  const counts = new LabelCounts()
  counts.count('allow', 'http', 'protect')
  counts.count('allow', 'http', 'protect')
  counts.count('allow', 'http', 'monitor')
  counts.count('deny', 'http', 'protect')
  t.same(
    counts.all(),
    new Map([
      ['allow http protect', 2],
      ['allow http monitor', 1],
      ['deny http protect', 1],
    ]),
  )
})
