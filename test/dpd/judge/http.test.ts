import t from 'tap'
import { Bench, brief, ingressPolicy } from './bench.js'

const READ_ITEMS = ingressPolicy(
  `- { name: read, ports: [{ protocol: TCP, port: 80 }], http: [{ methods: [GET], paths: ["/items/*"] }] }`,
)
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`
const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

t.test('an allowed request leaves when its head is whole, its reply at once', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const request = get('/items/1')
  t.same(brief(bench.octets(flow, 'orig', 0, request.slice(0, 30))), [], 'half a head is held')
  t.same(brief(bench.octets(flow, 'orig', 30, request.slice(30))), [
    { cmd: 'release', dir: 'orig', upTo: request.length },
  ])
  t.same(brief(bench.octets(flow, 'reply', 0, REPLY)), [
    { cmd: 'release', dir: 'reply', upTo: REPLY.length },
  ])
  t.match(bench.told.transactions, [{ verdict: 'allow', fields: { method: 'GET', status: 200 } }])
  t.equal(bench.ruling(flow).rule, 'default/web/read')
})

t.test('no octet of a denied request leaves; its opener hears 403', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const post = 'POST /items/1 HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nx=1'
  t.same(brief(bench.octets(flow, 'orig', 0, post)), [
    { cmd: 'deny', dir: 'orig', from: 0, answer: 'HTTP/1.1 403 Forbidden', next: 'close' },
  ])
  t.match(bench.told.denied, [
    { rule: 'default-deny', reason: 'default-deny', fields: { method: 'POST' } },
  ])
  t.same(brief(bench.octets(flow, 'orig', post.length, get('/items/2'))), [], 'dead is dead')
  bench.close(flow, 'denied')
  t.same(bench.told.closed, [flow])
})

t.test('one segment ends an allowed request and begins a denied one', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const first = get('/items/1')
  const commands = bench.octets(flow, 'orig', 0, first + get('/admin') + get('/items/2'))
  t.same(brief(commands), [
    { cmd: 'release', dir: 'orig', upTo: first.length },
    { cmd: 'deny', dir: 'orig', from: first.length, answer: 'reset', next: 'close' },
  ])
})

t.test('pipelined requests leave up to the last whole head', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const two = get('/items/1') + get('/items/2')
  t.same(brief(bench.octets(flow, 'orig', 0, two + get('/admin').slice(0, 9))), [
    { cmd: 'release', dir: 'orig', upTo: two.length },
  ])
  t.match(brief(bench.octets(flow, 'orig', two.length + 9, get('/admin').slice(9))), [
    { cmd: 'deny', from: two.length },
  ])
})

t.test('a body goes by undelivered once its request is allowed', async (t) => {
  const policy = ingressPolicy(`- { name: put, http: [{ methods: [PUT] }] }`)
  const bench = new Bench(policy)
  const flow = bench.open({})
  const head = 'PUT /f HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100000\r\n\r\n'
  const body = 'x'.repeat(100)
  const end = head.length + 100000
  t.same(brief(bench.octets(flow, 'orig', 0, head + body)), [
    { cmd: 'release', dir: 'orig', upTo: end },
    { cmd: 'skip', dir: 'orig', from: head.length + 100, octets: 100000 - 100 },
  ])
  t.match(brief(bench.octets(flow, 'orig', end, 'DELETE /f HTTP/1.1\r\nHost: a.example\r\n\r\n')), [
    { cmd: 'deny', from: end },
  ])
})

t.test('malformed octets are denied where the rules need what they say', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const smuggle =
    'GET /items/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n'
  const commands = bench.octets(flow, 'orig', 0, smuggle)
  t.match(brief(commands), [{ cmd: 'deny', from: 0 }])
  t.equal(bench.told.malformed.length, 1)
  t.equal(bench.ruling(flow).verdict, 'deny')
})

t.test('another protocol on the allowed port is denied', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  t.match(brief(bench.octets(flow, 'orig', 0, '\u0001\u0002binary\u0000\u0000'.repeat(8))), [
    { cmd: 'deny', from: 0, answer: 'reset' },
  ])
  t.equal(bench.judge.flow(flow)?.app, 'unknown')
  t.equal(bench.ruling(flow).rule, 'default-deny')
})

t.test('a server that speaks first is held until the app is known', async (t) => {
  const bench = new Bench(ingressPolicy(`- { name: web, apps: [http] }`))
  const flow = bench.open({})
  t.match(brief(bench.octets(flow, 'reply', 0, '\xff\xfd\x18\xff\xfd\x20')), [
    { cmd: 'deny', from: 0 },
  ])
})

t.test('apps alone: requests go on being read, the app may change', async (t) => {
  const bench = new Bench(ingressPolicy(`- { name: web, apps: [http] }`))
  const flow = bench.open({})
  const request = get('/x')
  t.same(brief(bench.octets(flow, 'orig', 0, request)), [
    { cmd: 'release', dir: 'orig', upTo: request.length },
  ])
  t.equal(bench.ruling(flow).rule, 'default/web/web')
})
