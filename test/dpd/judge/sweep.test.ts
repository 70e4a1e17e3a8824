import t from 'tap'
import type { EngineCommand } from '../../../src/core/inspect/contract.js'
import { Bench, brief, compiled, ingressPolicy } from './bench.js'

const GET = ingressPolicy('- { name: get, http: [{ methods: [GET] }] }')
const PUT = ingressPolicy('- { name: put, http: [{ methods: [PUT] }] }')
const ANY = ingressPolicy('- { name: any, http: [{ methods: ["*"] }] }')
const ALL = ingressPolicy('- { name: all }')
const NONE = ingressPolicy('[]')
const REQUEST = 'GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n'

/** Flows under GET, each with a request that went out. */
function benchOf(flows: number): { bench: Bench; ids: number[] } {
  const bench = new Bench(GET)
  const ids = Array.from({ length: flows }, () => bench.open({}))
  for (const flow of ids) bench.octets(flow, 'orig', 0, REQUEST)
  return { bench, ids }
}

function rest(bench: Bench): EngineCommand[] {
  const commands: EngineCommand[] = []
  for (;;) {
    const some = bench.judge.rejudgeSome(1)
    commands.push(...some.commands)
    if (some.done) return commands
  }
}

const flowsOf = (commands: readonly EngineCommand[]): number[] =>
  [...new Set(commands.map(({ flow }) => flow))].sort((a, b) => a - b)

t.test('some at a time, each once, all with the new generation', async (t) => {
  const { bench, ids } = benchOf(300)
  bench.judge.setPolicy(compiled(ANY, 2))
  const { commands, done } = bench.judge.rejudgeSome(100)
  t.equal(done, false)
  t.equal(commands.length, 100)
  commands.push(...rest(bench))
  t.same(flowsOf(commands), ids)
  t.equal(commands.length, ids.length)
  t.ok(commands.every((command) => command.generation === 2))
  t.same(bench.judge.rejudgeSome(1), { commands: [], done: true }, 'nothing is left')
})

t.test(
  'those of which octets may be held come before those that the engine lets pass',
  async (t) => {
    const bench = new Bench(ALL)
    const settled = [1, 2, 3].map(() => bench.open({}, { l4: 'allow', rule: 16 }))
    bench.enforce(compiled(GET.replace('[GET]', '["*"]'), 2))
    t.same(
      settled.map((flow) => bench.judge.flow(flow)?.phase),
      ['denied', 'denied', 'denied'],
    )
    const held = [1, 2].map(() => bench.open({}, { generation: 2 }))
    for (const flow of held) bench.octets(flow, 'orig', 0, REQUEST)
    bench.judge.setPolicy(compiled(ANY, 3))
    const order = rest(bench).map(({ flow }) => flow)
    t.same(order.slice(0, 2), held)
  },
)

t.test('an event of a flow that was not reached yet has it judged first', async (t) => {
  const { bench, ids } = benchOf(2)
  const [first = 0, second = 0] = ids
  bench.judge.setPolicy(compiled(PUT, 2))
  const commands = bench.octets(second, 'orig', REQUEST.length, 'PUT /a HTTP/1.1\r\n')
  t.match(brief(commands), [{ cmd: 'deny', answer: 'reset' }])
  t.equal(commands.length, 1, 'and what came is not let go by what came before')
  t.equal(bench.ruling(second).generation, 2)
  t.equal(bench.ruling(first).generation, 1, 'the other one waits for its turn')
  t.same(flowsOf(rest(bench)), [first], 'which the second one has had')
  t.equal(bench.told.denied.length, 2)
})

t.test('what an event leads to comes behind what the new policy does', async (t) => {
  const { bench, ids } = benchOf(1)
  const [flow = 0] = ids
  bench.judge.setPolicy(compiled(ANY, 2))
  const commands = bench.octets(flow, 'orig', REQUEST.length, REQUEST.replace('GET', 'PUT'))
  t.same(brief(commands), [
    { cmd: 'release', dir: 'orig', upTo: REQUEST.length },
    { cmd: 'release', dir: 'orig', upTo: REQUEST.length * 2 },
  ])
})

t.test('a second policy amid the sweep: by it alone, and all of them', async (t) => {
  const { bench, ids } = benchOf(20)
  bench.judge.setPolicy(compiled(ANY, 2))
  const before = bench.judge.rejudgeSome(10)
  t.same(new Set(before.commands.map(({ generation }) => generation)), new Set([2]))
  bench.judge.setPolicy(compiled(NONE, 3))
  const after = rest(bench)
  t.same(flowsOf(after), ids)
  t.ok(after.every(({ cmd, generation }) => cmd === 'deny' && generation === 3))
  t.equal(bench.told.denied.length, ids.length, 'each denial is told once')
})

t.test('a flow that ends amid the sweep', async (t) => {
  const { bench, ids } = benchOf(3)
  const [first = 0, second = 0, third = 0] = ids
  bench.judge.setPolicy(compiled(NONE, 2))
  bench.judge.rejudgeSome(1)
  bench.close(third)
  bench.close(first)
  t.same(flowsOf(rest(bench)), [second])
  t.same(bench.told.closed, [third, first])
  t.equal(bench.told.denied.length, 3, 'an end is an event: the third was judged before it')
})

t.test('flows that open amid the sweep are not judged twice; the table may grow', async (t) => {
  const { bench, ids } = benchOf(200)
  bench.judge.setPolicy(compiled(ANY, 2))
  const commands = [...bench.judge.rejudgeSome(50).commands]
  const others = Array.from({ length: 400 }, () => bench.open({}, { generation: 2 }))
  for (const flow of others) bench.octets(flow, 'orig', 0, REQUEST)
  commands.push(...rest(bench))
  t.same(flowsOf(commands), ids)
  t.equal(commands.length, ids.length)
})

t.test('an endpoint that changes amid the sweep', async (t) => {
  const { bench, ids } = benchOf(2)
  const [first = 0, second = 0] = ids
  const known = bench.judge.flow(first)?.endpoint
  if (known === undefined) throw new Error('no flow')
  bench.judge.setPolicy(compiled(NONE, 2))
  t.same(flowsOf(bench.judge.rejudgeSome(1).commands), [first])
  bench.judge.setEndpoint({ ...known, mode: 'monitor', enforced: false, depth: 'transactions' })
  t.same(rest(bench), [], 'nothing is enforced there any more')
  t.equal(bench.ruling(second).verdict, 'deny')
  t.equal(bench.judge.flow(second)?.phase, 'judging')
})

t.test('an endpoint that goes amid the sweep takes its flows with it', async (t) => {
  const { bench, ids } = benchOf(3)
  bench.judge.setPolicy(compiled(NONE, 2))
  bench.judge.rejudgeSome(1)
  bench.judge.removeEndpoint(bench.judge.flow(ids[0] ?? 0)?.endpoint.id ?? 0)
  t.same(rest(bench), [])
  t.same(bench.told.closed, ids)
})
