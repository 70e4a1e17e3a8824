import t from 'tap'
import { findings, goalTable } from '../../bench/goals.js'
import { figure, resultTables } from '../../bench/table.js'
import { sampleResult } from './sample-result.js'

t.test('figures have three digits, integers all of theirs', async (t) => {
  t.same([0.1234, 9.876, 12.345, 987.6, 12345.6].map(figure), [
    '0.12',
    '9.88',
    '12.3',
    '988',
    '12346',
  ])
})

t.test('paths are columns, other series are lines, failures are told', async (t) => {
  t.equal(
    resultTables(sampleResult()),
    `|  | plain | inline | inline-content |
|---|---|---|---|
| TCP, 1 stream, ↑ | 10.0 (8.00–12.0) Gbit/s | 0.97 (0.95–1.00) | 0.50 (0.50–0.50) |
| TCP, 4 streams, ↑ | 10.0 (10.0–10.0) Gbit/s | 0.90 (0.90–0.91) | – |

|  | of | median | ratio |
|---|---|---|---|
| packet under rules | 10 | 2000 (2000–2000) ns | 1 |
| packet under rules | 10000 | 2090 (2020–2110) ns | 1.04 (1.01–1.05) |
| ADD above the bridge | vethwall | 1.50 (1.40–1.70) × node -e 0 |  |

FAILED tcp1 inline-content: iperf3: unable to connect`,
  )
})

t.test('goals: the worst row counts, what was not measured is left out', async (t) => {
  const result = sampleResult()
  const cut = findings(result)[0]
  t.match(cut, { reached: { median: 0.9 }, isMet: false }, 'of one and four streams, four')
  const unmeasured = findings(result).filter(({ reached }) => reached === null)
  t.ok(
    unmeasured.some(({ goal }) => goal.series === 'inline-content' && goal.rows.length === 2),
    'one stream alone is not both',
  )
  t.notOk(unmeasured.some(({ isMet }) => isMet))
  t.equal(
    goalTable(result),
    `| goal | limit | reached | met |
|---|---|---|---|
| cut-through: TCP throughput | at least 0.95 | 0.90 (0.90–0.91) | **no** |
| 10 000 rules: CPU per packet | at most 1.05 | 1.04 (1.01–1.05) | yes |
| ADD above the bridge's, in runs of \`node -e 0\` | at most 1.6 | 1.50 (1.40–1.70) | yes |`,
  )
  t.equal(goalTable({ ...result, rows: [] }), null)
})
