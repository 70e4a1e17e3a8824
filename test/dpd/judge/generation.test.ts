import t from 'tap'
import { Bench, brief, compiled, ingressPolicy } from './bench.js'

const HTTP_GET = ingressPolicy(`- { name: get, http: [{ methods: [GET] }] }`)
const HTTP_ANY = ingressPolicy(`- { name: any, http: [{ methods: ["*"] }] }`)
const HTTP_PUT = ingressPolicy(`- { name: put, http: [{ methods: [PUT] }] }`)
const ALL = ingressPolicy(`- { name: all }`)
const NONE = ingressPolicy('[]')
const REQUEST = 'GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n'

t.test('an allowed request stays allowed, and what was released is said again', async (t) => {
  const bench = new Bench(HTTP_GET)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, REQUEST)
  const commands = bench.enforce(compiled(HTTP_ANY, 2))
  t.same(brief(commands), [{ cmd: 'release', dir: 'orig', upTo: REQUEST.length }])
  t.equal(commands[0]?.cmd === 'release' && commands[0].generation, 2)
  t.equal(bench.ruling(flow).rule, 'default/web/any')
})

t.test('a request under way that the new policy denies ends the flow', async (t) => {
  const bench = new Bench(HTTP_GET)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, REQUEST)
  t.match(brief(bench.enforce(compiled(HTTP_PUT, 2))), [{ cmd: 'deny', answer: 'reset' }])
  t.match(bench.told.denied, [{ rule: 'default-deny', fields: { method: 'GET' } }])
})

t.test('a flow denied as a whole', async (t) => {
  const bench = new Bench(HTTP_GET)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, REQUEST)
  t.match(brief(bench.enforce(compiled(NONE, 2))), [{ cmd: 'deny' }])
  t.equal(bench.ruling(flow).generation, 2)
})

t.test('no facts: an uninspected flow is allowed without them or not at all', async (t) => {
  const bench = new Bench(ALL)
  const flow = bench.open({}, { l4: 'allow', rule: 16 })
  t.same(brief(bench.octets(flow, 'orig', 0, REQUEST)), [], 'nothing is inspected')
  t.match(brief(bench.enforce(compiled(ALL, 2))), [{ cmd: 'settle', verdict: 'allow' }])
  t.match(brief(bench.enforce(compiled(HTTP_GET, 3))), [{ cmd: 'deny', answer: 'reset' }])
  t.equal(bench.ruling(flow).reason, 'midstream')
})

t.test('an event of the next generation is judged by this one, then again', async (t) => {
  const bench = new Bench(HTTP_GET)
  const flow = bench.open({}, { generation: 2, l4: 'allow', rule: 40 })
  t.equal(bench.ruling(flow).verdict, 'undecided', 'rule 40 of generation 2 means nothing here')
  t.match(brief(bench.enforce(compiled(ALL, 2))), [{ cmd: 'settle', verdict: 'allow' }])
  t.equal(bench.ruling(flow).rule, 'default/web/all')
})

t.test('from tap to inline: what would have been denied is', async (t) => {
  const monitor = ingressPolicy(`- { name: get, http: [{ methods: [GET] }] }`, 'monitor')
  const bench = new Bench(monitor, { mode: 'monitor', enforced: false, depth: 'transactions' })
  const flow = bench.open({})
  const post = REQUEST.replace('GET', 'POST')
  t.same(brief(bench.octets(flow, 'orig', 0, post)), [])
  t.match(bench.told.denied, [{ fields: { method: 'POST' } }])
  const known = bench.judge.flow(flow)?.endpoint
  if (known === undefined) throw new Error('no flow')
  bench.judge.setEndpoint({ ...known, mode: 'protect', enforced: true, depth: 'rules' })
  t.match(brief(bench.enforce(compiled(HTTP_GET, 2))), [{ cmd: 'deny' }])
})
