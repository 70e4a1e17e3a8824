import t from 'tap'
import { flowQuerySchema } from '../../src/core/api/flow.js'
import { explain } from '../../src/dpd/because.js'
import { viewFlow } from '../../src/dpd/flow-view.js'
import { FlowBook, matchesPod, matchesQuery } from '../../src/dpd/flows.js'
import { Flow } from '../../src/dpd/judge/flow.js'
import { Bench, ingressPolicy } from './judge/bench.js'

const bench = new Bench(ingressPolicy(`- { name: get, http: [{ methods: [GET] }] }`))
const peerName = (address: string): string | null =>
  address === '10.2.0.1' ? 'default/client' : null
const query = (more: object) => flowQuerySchema.parse(more)

t.test('live, ended, forgotten', async (t) => {
  const book = new FlowBook(bench.judge, (flow) => viewFlow(flow, peerName), 2)
  const live = bench.open({})
  const view = book.find(live)
  t.match(view, {
    flow: live,
    pod: 'web',
    direction: 'ingress',
    peer: { address: '10.2.0.1', name: 'default/client' },
    verdict: 'undecided',
    would: null,
  })
  const flow = bench.judge.flow(live)
  if (flow === undefined) return t.fail()
  const counts = { packets: { orig: 1, reply: 2 }, octets: { orig: 30, reply: 40 } }
  const ending = { how: 'fin', counts, atMs: 0 } as const
  for (const id of [1, 2, 3]) {
    const one = new Flow({ ...flow, flow: id }, flow.endpoint, flow.ruling, 0)
    book.ended.add(one, 'default/gone', ending)
  }
  const { tuple } = flow
  const gone = { how: 'fin', counts, peer: { name: 'default/gone' }, runs: null, ...tuple }
  t.match(book.find(3), gone, 'as it was named then')
  t.equal(book.find(1), null, 'the oldest is forgotten')
  t.same(
    book.list(query({})).map(({ flow }) => flow),
    [2, 3, live],
  )
  t.same(
    book.list(query({ state: 'live' })).map(({ flow }) => flow),
    [live],
  )
  t.same(
    book.list(query({ state: 'ended', limit: '1' })).map(({ flow }) => flow),
    [3],
  )
  t.same(book.liveByEndpoint(), new Map([[7, 1]]))
  return undefined
})

t.test('what an ended flow said, when others have taken its place in turn', async (t) => {
  const book = new FlowBook(bench.judge, (flow) => viewFlow(flow, peerName), 3)
  const counts = { packets: { orig: 1, reply: 2 }, octets: { orig: 30, reply: 40 } }
  const views = []
  for (let i = 0; i < 10; i++) {
    const id = bench.open({})
    const method = i % 2 === 0 ? 'GET' : 'POST'
    bench.octets(id, 'orig', 0, `${method} /${i} HTTP/1.1\r\nHost: a${i}\r\n\r\n`)
    const flow = bench.judge.flow(id)
    if (flow === undefined) return t.fail()
    flow.fields = { number: i }
    views.push(viewFlow(flow, peerName))
    book.ended.add(flow, peerName('10.2.0.1'), { how: 'fin', counts, atMs: 0 })
  }
  const last = views
    .slice(-3)
    .map(({ flow, fields, transactions }) => ({ flow, fields, transactions }))
  t.match(last[0]?.transactions[0]?.fields, { method: 'POST', path: '/7', host: 'a7' })
  t.match(book.list(query({ state: 'ended' })), last)
  return undefined
})

t.test('filters', async (t) => {
  const flow = bench.judge.flow(bench.open({}))
  if (flow === undefined) return t.fail()
  const view = viewFlow(flow, peerName)
  t.ok(matchesQuery(view, query({ pod: 'default/web' })))
  t.ok(matchesQuery(view, query({ pod: '7', verdict: 'undecided' })))
  t.notOk(matchesQuery(view, query({ pod: 'default/web/eth1' })))
  t.notOk(matchesQuery(view, query({ verdict: 'deny' })))
  t.ok(matchesQuery({ ...view, would: 'deny' }, query({ verdict: 'would-deny' })))
  t.throws(() => query({ verdict: 'perhaps' }))
  t.throws(() => query({ unknown: '1' }))
  t.notOk(matchesPod({ namespace: 'a', pod: 'b', ifName: 'c' }, 7, 'a'))
  return undefined
})

t.test('why, in sentences', async (t) => {
  const id = bench.open({})
  bench.octets(id, 'orig', 0, 'POST / HTTP/1.1\r\nHost: a\r\n\r\n')
  const flow = bench.judge.flow(id)
  if (flow === undefined) return t.fail()
  const view = viewFlow(flow, peerName)
  t.match(explain(view), [
    /^Denied: http over TCP port 80 from peer default\/client to pod default\/web: .*\(rule default-deny\)\.$/,
  ])
  t.match(explain({ ...view, mode: 'monitor' }), [/^Would be denied/, /recorded, not enforced/])
  return undefined
})
