import t from 'tap'
import { fromLatin1, latin1 } from '../../../src/core/bytes.js'
import { deliver } from './deliver.js'
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
