/** When the judge has enough, by depth. */
import t from 'tap'
import { RULE_NOT_ISOLATED } from '../../../src/core/policy/rule-id.js'
import { type Depth, Depths } from '../../../src/dpd/depth.js'
import { RECORD } from '../record.js'
import { Bench, compiled, ingressPolicy } from './bench.js'

const GET = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n'
const ALLOWED = { l4: 'allow', rule: RULE_NOT_ISOLATED } as const
const settles = (commands: readonly { cmd: string }[]): boolean =>
  commands.some(({ cmd }) => cmd === 'settle')

function allowed(depth: Depth, enforced = true) {
  const mode = enforced ? 'protect' : 'monitor'
  const bench = new Bench(ingressPolicy('[{}]', mode), { mode, enforced, depth })
  return { bench, flow: bench.open({}, ALLOWED) }
}

t.test('identify: it leaves when it is known, in either mode', async (t) => {
  for (const enforced of [true, false]) {
    const { bench, flow } = allowed('identify', enforced)
    t.notOk(settles(bench.octets(flow, 'orig', 0, 'GET /a HT')))
    t.ok(settles(bench.octets(flow, 'orig', 9, GET.slice(9))))
    t.match(bench.judge.flow(flow), { app: 'http', phase: 'settled', reading: null })
    t.match(bench.told.transactions, [{ fields: { method: 'GET' } }])
  }
})

t.test('identify: what no parser knows leaves as unknown', async (t) => {
  const { bench, flow } = allowed('identify')
  t.ok(settles(bench.octets(flow, 'orig', 0, 'x'.repeat(4096))))
  t.match(bench.judge.flow(flow), { app: 'unknown', phase: 'settled' })
})

t.test('transactions: it stays while there may be more', async (t) => {
  const { bench, flow } = allowed('transactions')
  t.notOk(settles(bench.octets(flow, 'orig', 0, GET)))
  t.notOk(settles(bench.octets(flow, 'orig', GET.length, GET)))
  t.equal(bench.judge.flow(flow)?.transactionsTotal, 2)
})

t.test('content: it never leaves', async (t) => {
  const { bench, flow } = allowed('content')
  const commands = bench.octets(flow, 'orig', 0, 'x'.repeat(4096))
  t.notOk(settles(commands))
  t.same(
    commands.filter(({ cmd }) => cmd === 'skip').map((each) => 'octets' in each && each.octets),
    ['toEnd', 'toEnd'],
  )
})

t.test('rules: nothing is read that no rule asks for', async (t) => {
  const { bench, flow } = allowed('rules')
  t.equal(bench.judge.flow(flow)?.reading, null)
})

t.test(
  'under another policy what was only being identified is judged by what is known',
  async (t) => {
    const { bench, flow } = allowed('identify')
    bench.octets(flow, 'orig', 0, 'GET /a HT')
    const other = ingressPolicy('[{ http: [{ methods: [GET] }] }]')
    const commands = bench.enforce(compiled(other, 2))
    t.match(commands, [{ cmd: 'deny', answer: 'reset' }])
  },
)

t.test('the deepest list that names a pod holds', async (t) => {
  const depths = new Depths({ identify: ['*/*'], content: ['default/w*'] })
  t.equal(depths.of(RECORD, 'protect'), 'content')
  t.equal(depths.of({ ...RECORD, pod: 'db' }, 'protect'), 'identify')
  t.equal(new Depths({}).of(RECORD, 'protect'), 'rules')
  t.equal(new Depths({}).of(RECORD, 'monitor'), 'transactions')
})
