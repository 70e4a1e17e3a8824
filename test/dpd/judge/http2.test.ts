import t from 'tap'
import { latin1 } from '../../../src/core/bytes.js'
import { frames } from '../dpi/http2/frames.js'
import { Bench, brief, ingressPolicy } from './bench.js'

const OPEN = latin1(frames('preface\nSETTINGS 0'))
const get = (stream: number, path: string) =>
  latin1(
    frames(
      `HEADERS ${stream} end_stream end_headers | :method: GET | :scheme: http | :path: ${path} | :authority: a`,
    ),
  )
const READ_ITEMS = ingressPolicy(
  `- { name: read, http: [{ methods: [GET], paths: ["/items/*"] }] }`,
)

t.test('streams are judged one by one: the denied one ends the connection', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  t.same(brief(bench.octets(flow, 'orig', 0, OPEN)), [
    { cmd: 'release', dir: 'orig', upTo: OPEN.length },
  ])
  const first = get(1, '/items/1')
  const commands = bench.octets(flow, 'orig', OPEN.length, first + get(3, '/admin'))
  const from = OPEN.length + first.length
  t.match(brief(commands), [
    { cmd: 'release', dir: 'orig', upTo: from },
    // On its stream, and the connection's end.
    { cmd: 'deny', dir: 'orig', from, answer: /403/, next: 'close' },
  ])
})

t.test('half a header block is held', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, OPEN)
  const request = get(1, '/items/1')
  t.same(brief(bench.octets(flow, 'orig', OPEN.length, request.slice(0, 30))), [
    { cmd: 'need', dir: 'orig', octets: request.length - 30 },
  ])
  t.same(brief(bench.octets(flow, 'orig', OPEN.length + 30, request.slice(30))), [
    { cmd: 'release', dir: 'orig', upTo: OPEN.length + request.length },
  ])
})

t.test('a request with what HTTP/2 forbids matches no allow rule', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, OPEN)
  const block = ':method: GET | :scheme: http | :path: /items/1 | :authority: a'
  const smuggle = `HEADERS 1 end_headers | ${block} | transfer-encoding: chunked`
  const commands = bench.octets(flow, 'orig', OPEN.length, latin1(frames(smuggle)))
  t.match(brief(commands), [{ cmd: 'deny', from: OPEN.length }])
})

t.test('a stream that stays open keeps no others in memory', async (t) => {
  const bench = new Bench(READ_ITEMS)
  const flow = bench.open({})
  const at = { orig: 0, reply: 0 }
  const send = (dir: 'orig' | 'reply', octets: string) => {
    bench.octets(flow, dir, at[dir], octets)
    at[dir] += octets.length
  }
  send('orig', OPEN + get(1, '/items/watch'))
  send('reply', latin1(frames('SETTINGS 0')))
  for (let stream = 3; stream < 103; stream += 2) {
    send('orig', get(stream, '/items/1'))
    send('reply', latin1(frames(`HEADERS ${stream} end_stream end_headers | :status: 204`)))
  }
  t.equal(bench.told.transactions.length, 50)
  const kept = bench.judge.flow(flow)?.transactions ?? []
  t.ok(kept.length <= 9, `${kept.length} kept`)
  t.match(kept[0], { tx: 0, ended: false })
})

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n'
const HELLO = '\x81\x85\x01\x02\x03\x04igohn'

t.test('WebSocket: the Upgrade as a request, then an app of its own', async (t) => {
  const http = '{ name: chat, http: [{ paths: [/chat] }] }'
  const bench = new Bench(ingressPolicy(`- ${http}\n- { name: ws, apps: [websocket] }`))
  const flow = bench.open({})
  t.same(brief(bench.octets(flow, 'orig', 0, UPGRADE)), [
    { cmd: 'release', dir: 'orig', upTo: UPGRADE.length },
  ])
  t.match(brief(bench.octets(flow, 'reply', 0, ACCEPTED)), [{ cmd: 'release', dir: 'reply' }])
  t.match(brief(bench.octets(flow, 'orig', UPGRADE.length, HELLO)), [
    { cmd: 'settle', verdict: 'allow' },
  ])
  t.equal(bench.judge.flow(flow)?.app, 'websocket')

  const without = new Bench(ingressPolicy(`- ${http}`))
  const other = without.open({})
  without.octets(other, 'orig', 0, UPGRADE)
  t.match(brief(without.octets(other, 'reply', 0, ACCEPTED)), [{ cmd: 'deny' }])
})
