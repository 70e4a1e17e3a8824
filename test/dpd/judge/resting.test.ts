import t from 'tap'
import type { Dir } from '../../../src/core/inspect/contract.js'
import { readRecorded, recordedNames } from '../dpi/recorded.js'
import { Bench, brief, compiled, ingressPolicy } from './bench.js'

const GET = ingressPolicy(
  `- { name: get, http: [{ methods: [GET] }] }
- { name: head, http: [{ methods: [HEAD] }] }`,
)
const ITEMS = ingressPolicy('- { name: items, http: [{ paths: ["/items/*"] }] }')
const request = (path: string, method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const restingAtOnce = (policy: string, recentFlowsMax = 0): Bench =>
  new Bench(policy, {}, 1, 1_000, undefined, { recentFlowsMax })

function flowOf(bench: Bench, id: number) {
  const flow = bench.judge.flow(id)
  if (flow === undefined) throw new Error(`no flow ${id}`)
  return flow
}

t.test('at rest between two requests, and judged on as if it had not been', async (t) => {
  const bench = restingAtOnce(GET)
  const id = bench.open({})
  t.type(flowOf(bench, id).atRest, 'string', 'nothing has come yet')
  const first = request('/items/1')
  bench.octets(id, 'orig', 0, first)
  t.equal(flowOf(bench, id).atRest, null, 'its reply is due')
  bench.octets(id, 'reply', 0, REPLY)
  t.type(flowOf(bench, id).atRest, 'string')
  t.equal(flowOf(bench, id).reading, null)
  t.same(brief(bench.octets(id, 'orig', first.length, request('/', 'PUT'))), [
    {
      cmd: 'deny',
      dir: 'orig',
      from: first.length,
      answer: 'HTTP/1.1 403 Forbidden',
      next: 'close',
    },
  ])
})

t.test('its transactions and their rulings are seen while it is at rest', async (t) => {
  const bench = restingAtOnce(GET)
  const id = bench.open({})
  const [first, second] = [request('/a'), request('/b', 'HEAD')]
  bench.octets(id, 'orig', 0, first)
  bench.octets(id, 'reply', 0, REPLY)
  bench.octets(id, 'orig', first.length, second)
  bench.octets(id, 'reply', REPLY.length, REPLY.slice(0, -2))
  const flow = flowOf(bench, id)
  t.type(flow.atRest, 'string')
  t.match(
    flow.transactions.map(({ fields, ruling }) => [fields, ruling.rule, ruling.generation]),
    [
      [{ method: 'GET', path: '/a', status: 200 }, 'default/web/get', 1],
      [{ method: 'HEAD', path: '/b', status: 200 }, 'default/web/head', 1],
    ],
  )
  t.type(flow.atRest, 'string', 'who looks does not wake it')
})

t.test('a new policy judges what is known of it', async (t) => {
  const bench = restingAtOnce(GET)
  const ids = [request('/items/1'), request('/other')].map((text) => {
    const id = bench.open({})
    bench.octets(id, 'orig', 0, text)
    bench.octets(id, 'reply', 0, REPLY)
    return id
  })
  const denied = bench.enforce(compiled(ITEMS, 2)).filter(({ cmd }) => cmd === 'deny')
  t.same(
    denied.map(({ flow }) => flow),
    ids.slice(1),
  )
  t.same(
    ids.map((id) => [flowOf(bench, id).phase, bench.ruling(id).generation]),
    [
      ['judging', 2],
      ['denied', 2],
    ],
  )
  t.type(flowOf(bench, ids[0] ?? 0).atRest, 'string', 'it rests again')
})

t.test('the recent ones stay awake, however many others there are', async (t) => {
  const bench = restingAtOnce(GET, 2)
  const ids = [1, 2, 3].map(() => bench.open({}))
  const awake = () => ids.map((id) => flowOf(bench, id).atRest === null)
  t.same(awake(), [false, true, true])
  bench.octets(ids[0] ?? 0, 'orig', 0, request('/'))
  t.same(awake(), [true, false, true])
  bench.close(ids[2] ?? 0)
  t.same(bench.told.closed, [ids[2]])
  bench.octets(ids[1] ?? 0, 'orig', 0, request('/'))
  t.equal(flowOf(bench, ids[1] ?? 0).atRest, null)
})

t.test('one that ends while it is at rest tells no transaction twice', async (t) => {
  const bench = restingAtOnce(GET)
  const id = bench.open({})
  bench.octets(id, 'orig', 0, request('/'))
  bench.octets(id, 'reply', 0, REPLY)
  bench.close(id)
  t.equal(bench.told.transactions.length, 1)
  t.same(bench.told.closed, [id])
})

t.test('of a usual one little is kept', async (t) => {
  const bench = restingAtOnce(GET)
  const id = bench.open({})
  bench.octets(id, 'orig', 0, request('/products/1'))
  bench.octets(id, 'reply', 0, REPLY)
  const text = flowOf(bench, id).atRest ?? ''
  t.ok(text.length < 130, `${text.length} characters: ${text}`)
})

t.test('what is recorded is judged alike', async (t) => {
  for (const name of recordedNames().filter((each) => !each.startsWith('dns'))) {
    const [kept, rested] = [undefined, 0].map((recentFlowsMax) => {
      const given = recentFlowsMax === undefined ? {} : { recentFlowsMax }
      const bench = new Bench(GET, {}, 1, 1_000, undefined, given)
      const id = bench.open({})
      const at: Record<Dir, number> = { orig: 0, reply: 0 }
      const commands = readRecorded(name).map(({ dir, octets, ended }) => {
        const from = at[dir]
        at[dir] += octets.length
        return brief(bench.octets(id, dir, from, octets, ended))
      })
      bench.close(id)
      return { commands, told: bench.told }
    })
    t.same(rested, kept, name)
  }
})
