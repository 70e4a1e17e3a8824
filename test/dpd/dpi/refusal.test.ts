import t from 'tap'
import { fromLatin1, latin1 } from '../../../src/core/bytes.js'
import { deliver } from './deliver.js'
import { frames } from './http2/frames.js'
import type { Send } from './send.js'

const orig = (text: string): Send => ({ dir: 'orig', octets: fromLatin1(text), ended: false })
const reply = (text: string): Send => ({ dir: 'reply', octets: fromLatin1(text), ended: false })
const get = orig('GET / HTTP/1.1\r\nHost: a\r\n\r\n')

t.test('HTTP: 403 and the connection closes', async (t) => {
  const refusal = deliver([get]).inspection.refusal(0)
  const text = latin1(refusal?.toOpener ?? new Uint8Array(0))
  t.match(text, /^HTTP\/1\.1 403 Forbidden\r\n(.+\r\n)*Connection: close\r\n\r\nDenied .*\n$/)
  const [head = '', body = ''] = text.split('\r\n\r\n')
  t.match(head, `Content-Length: ${body.length}`)
  t.equal(refusal?.then, 'close')
})

t.test('HTTP: a reply to HEAD has no content', async (t) => {
  const refusal = deliver([orig('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')]).inspection.refusal(0)
  t.match(latin1(refusal?.toOpener ?? new Uint8Array(0)), /\r\n\r\n$/)
})

t.test(
  'HTTP: none where the opener awaits another reply first, or has a part of one',
  async (t) => {
    t.equal(deliver([get, get]).inspection.refusal(1), null)
    t.not(deliver([get, get]).inspection.refusal(0), null)
    const body = reply('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nab')
    t.equal(deliver([get, body, get]).inspection.refusal(1), null)
    const head = reply('HTTP/1.1 200 OK\r\nContent-Len')
    t.equal(deliver([get, head]).inspection.refusal(0), null)
    const whole = reply('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab')
    t.not(deliver([get, whole, get]).inspection.refusal(1), null)
  },
)

t.test('HTTP in a tunnel: the inner transaction alone is refused', async (t) => {
  const connect = orig('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n')
  const { inspection, facts } = deliver([connect, reply('HTTP/1.1 200 OK\r\n\r\n'), get])
  t.match(facts.at(-1)?.fact, { kind: 'tx', tx: 1, dir: 'orig' })
  t.equal(inspection.refusal(0), null)
  t.not(inspection.refusal(1), null)
})

const h2 = (dir: Send['dir'], body: string): Send => ({ dir, octets: frames(body), ended: false })
const H2_GET = ':method: GET | :scheme: http | :path: / | :authority: a'
const H2_OPEN = 'preface\nSETTINGS 0\n'
const GRPC =
  ':method: POST | :scheme: http | :path: /a.B/C | :authority: a | content-type: application/grpc'

t.test('HTTP/2: 403 on the stream, then GOAWAY', async (t) => {
  const two = h2(
    'orig',
    `${H2_OPEN}HEADERS 1 end_stream end_headers | ${H2_GET}\nHEADERS 3 end_stream end_headers | ${H2_GET}`,
  )
  const denied = 'HEADERS 3 end_stream end_headers | #08 03 34 30 33\nGOAWAY 0 | #00000003 00000000'
  const early = deliver([two]).inspection.refusal(1)
  t.same(early?.toOpener, frames(`SETTINGS 0\nSETTINGS 0 ack\n${denied}`), 'the server is silent')
  t.equal(early?.then, 'close')
  const settled = deliver([two, h2('reply', 'SETTINGS 0\nSETTINGS 0 ack')]).inspection
  t.same(settled.refusal(1)?.toOpener, frames(denied))
})

t.test('HTTP/2: none where the reply has begun, or in the middle of a frame', async (t) => {
  const one = h2('orig', `${H2_OPEN}HEADERS 1 end_stream end_headers | ${H2_GET}`)
  const begun = h2('reply', 'SETTINGS 0\nHEADERS 1 end_headers | :status: 200')
  t.equal(deliver([one, begun]).inspection.refusal(0), null)
  t.equal(deliver([one, h2('reply', 'SETTINGS 0\n#000004')]).inspection.refusal(0), null)
  t.equal(deliver([one]).inspection.refusal(9), null)
})

t.test('HTTP/2: a table that the client took back is empty first', async (t) => {
  const one = h2('orig', `preface\nSETTINGS 0 | 1=0\nHEADERS 1 end_stream end_headers | ${H2_GET}`)
  const octets = deliver([one]).inspection.refusal(0)?.toOpener
  t.same(
    octets,
    frames(
      'SETTINGS 0\nSETTINGS 0 ack\nHEADERS 1 end_stream end_headers | #20 08 03 34 30 33\nGOAWAY 0 | #00000001 00000000',
    ),
  )
})

t.test('gRPC: PERMISSION_DENIED in trailers alone', async (t) => {
  const one = h2('orig', `${H2_OPEN}HEADERS 1 end_headers | ${GRPC}`)
  const octets = deliver([one, h2('reply', 'SETTINGS 0\nSETTINGS 0 ack')]).inspection.refusal(0)
  const header = 'grpc-status: 7 | grpc-message: denied by network policy'
  t.same(
    octets?.toOpener,
    frames(
      `HEADERS 1 end_stream end_headers | #88 0f 10 10 | "application/grpc" | ${header}\nGOAWAY 0 | #00000001 00000000`,
    ),
  )
})

t.test('HTTP/2 after an upgrade: the first request too', async (t) => {
  const upgrade = orig('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n')
  const accepted = reply('HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n')
  const { inspection } = deliver([upgrade, accepted])
  const denied = 'HEADERS 1 end_stream end_headers | #08 03 34 30 33\nGOAWAY 0 | #00000001 00000000'
  t.same(inspection.refusal(0)?.toOpener, frames(`SETTINGS 0\n${denied}`))
})

const query = (edns: boolean): Uint8Array =>
  Uint8Array.from([
    ...[0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, edns ? 1 : 0],
    ...[1, 0x41, 0, 0, 1, 0, 1],
    ...(edns ? [0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0] : []),
  ])

t.test('DNS over UDP: REFUSED, the question in its own case', async (t) => {
  const { inspection } = deliver([{ dir: 'orig', octets: query(false), ended: false }], 'udp')
  const refusal = inspection.refusal(0)
  const expected = [0x12, 0x34, 0x81, 5, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x41, 0, 0, 1, 0, 1]
  t.same([...(refusal?.toOpener ?? [])], expected)
  t.equal(refusal?.then, 'continue')
})

t.test('DNS: who speaks EDNS is told why', async (t) => {
  const { inspection } = deliver([{ dir: 'orig', octets: query(true), ended: false }], 'udp')
  const octets = inspection.refusal(0)?.toOpener ?? new Uint8Array(0)
  t.equal(octets[11], 1, 'ARCOUNT')
  const ede = [0, 15, 0, 16, 0, 15, ...fromLatin1('network policy')]
  t.same([...octets.subarray(19)], [0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, ede.length, ...ede])
})

t.test('DNS over TCP: with its length, then close', async (t) => {
  const message = query(false)
  const octets = Uint8Array.from([0, message.length, ...message])
  const refusal = deliver([{ dir: 'orig', octets, ended: false }]).inspection.refusal(0)
  t.same([...(refusal?.toOpener ?? []).slice(0, 6)], [0, 19, 0x12, 0x34, 0x81, 5])
  t.equal(refusal?.then, 'close')
})

t.test('DNS: a query without a reading is refused by its id', async (t) => {
  const octets = Uint8Array.from([...query(false), 9])
  const { inspection, facts } = deliver([{ dir: 'orig', octets, ended: false }], 'udp')
  t.match(facts[0]?.fact, { fields: { malformed: true } })
  const refused = [0x12, 0x34, 0x81, 5, 0, 0, 0, 0, 0, 0, 0, 0]
  t.same([...(inspection.refusal(0)?.toOpener ?? [])], refused)
})

t.test('TLS has none: the handshake is reset', async (t) => {
  t.equal(deliver([get]).inspection.refusal(7), null, 'nor has a transaction that is not there')
})
