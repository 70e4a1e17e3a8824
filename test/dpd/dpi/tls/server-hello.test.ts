import t from 'tap'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'
import {
  alpn,
  clientHello,
  extension,
  type Octets,
  records,
  serverHello,
  serverName,
  u16,
} from './hello.js'

const hex = (digits: string): Octets => [...Buffer.from(digits, 'hex')]
const RETRY_RANDOM = hex('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c')

const orig = (octets: Uint8Array): Send => ({ dir: 'orig', octets, ended: false })
const reply = (octets: Uint8Array): Send => ({ dir: 'reply', octets, ended: false })
const hello = (name: string) => orig(records(clientHello(serverName(name))))
const retry = reply(records(serverHello(extension(43, u16(0x0304)), RETRY_RANDOM)))
const compatibility = (dir: 'orig' | 'reply'): Send => ({
  dir,
  octets: records([1], 1, 20),
  ended: false,
})

t.test('TLS 1.2: version and protocol chosen', async (t) => {
  const done: Octets = [14, 0, 0, 0]
  const seen = deliver([hello('a'), reply(records([...serverHello(alpn('h2')), ...done]))])
  t.equal(seen.state, 'done')
  t.match(seen.facts[1]?.fact, {
    kind: 'tx',
    tx: 0,
    dir: 'reply',
    begin: 0,
    fields: { version: '1.2', alpnSelected: 'h2', cipher: '0x1301' },
  })
  t.match(seen.facts[2]?.fact, { kind: 'txEnd', tx: 0 })
})

t.test('a ServerHello over records of 10 octets, more messages after it', async (t) => {
  const flight = [...serverHello(alpn('h2')), 11, 0, 0, 3, 0, 0, 0]
  const seen = deliver([hello('a'), reply(records(flight, 10))])
  t.equal(seen.state, 'done')
  t.match(seen.facts[1]?.fact, { fields: { alpnSelected: 'h2' } })
})

t.test('HelloRetryRequest: the second ClientHello names the same server', async (t) => {
  const rest = [retry, compatibility('reply'), compatibility('orig')]
  const end = reply(records(serverHello(extension(43, u16(0x0304)))))
  const same = deliver([hello('a'), ...rest, hello('a'), end])
  t.equal(same.state, 'done')
  t.equal(same.facts.length, 3)
  t.match(same.facts[1]?.fact, { fields: { version: '1.3' } })

  const other = deliver([hello('a'), ...rest, hello('b'), end])
  t.match([other.state, other.clause.slice(0, 15)], ['malformed', 'RFC 8446 §4.1.2'])
  t.equal(other.inspection.covered('orig'), hello('a').octets.length + 6, 'it stays here')

  const offering = (protocol: string) =>
    orig(records(clientHello([...serverName('a'), ...alpn(protocol)])))
  const otherProtocol = deliver([offering('h2'), ...rest, offering('evil'), end])
  t.match(
    [otherProtocol.state, otherProtocol.clause.slice(0, 15)],
    ['malformed', 'RFC 8446 §4.1.2'],
  )
  const long = 'x'.repeat(255)
  t.equal(deliver([offering(long), ...rest, offering(long), end]).state, 'done')

  const twice = deliver([hello('a'), retry, retry])
  t.match([twice.state, twice.clause.slice(0, 15)], ['malformed', 'RFC 8446 §4.1.4'])
})

t.test('early data longer than the window is skipped', async (t) => {
  const early = orig(
    records(
      Array.from({ length: 60_000 }, () => 7),
      16_384,
      23,
    ),
  )
  const end = reply(records(serverHello(extension(43, u16(0x0304)))))
  const seen = deliver([hello('a'), early, end])
  t.equal(seen.state, 'done')
})

t.test('an alert ends it', async (t) => {
  const seen = deliver([hello('a'), reply(records([2, 112], 2, 21))])
  t.equal(seen.state, 'done')
  t.match(seen.facts[1]?.fact, { dir: 'reply', fields: { alert: 112 } })
})

t.test('a reply that is not TLS', async (t) => {
  const seen = deliver([hello('a'), reply(Uint8Array.from(Buffer.from('HTTP/1.1 400 Bad\r\n')))])
  t.match([seen.app, seen.state], ['tls', 'malformed'])
})
