/** Faults of NeuVector's parser that this one must not have: reference/neuvector-dpi.md §9. */
import t from 'tap'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'
import {
  alpn,
  clientHello,
  ech,
  extension,
  records,
  serverHello,
  serverName,
  supportedVersions,
  u16,
} from './hello.js'

const send = (dir: Send['dir'], octets: Uint8Array): Send => ({ dir, octets, ended: false })

t.test('fault 20: a ClientHello split over two and over many records has a name', async (t) => {
  const hello = clientHello([
    ...extension(
      21,
      Array.from({ length: 300 }, () => 0),
    ),
    ...serverName('a'),
  ])
  for (const most of [Math.ceil(hello.length / 2), 100, 9, 1]) {
    const seen = deliver([send('orig', records(hello, most))])
    t.match(seen.facts[0]?.fact, { fields: { sni: 'a' } }, `records of ${most}`)
  }
})

t.test('fault 20: extensions that end in the middle of a record', async (t) => {
  const hello = clientHello([...serverName('a'), ...alpn('h2')])
  // The last record's end is the message's, no earlier one is an extension's.
  for (let most = 40; most < hello.length; most++) {
    const seen = deliver([send('orig', records(hello, most))])
    if (seen.facts.length !== 1) t.fail(`records of ${most}`)
  }
  t.pass(`${hello.length - 40} cuts`)
})

t.test('fault 20: a record above 8 192 octets before it is identified', async (t) => {
  const large = clientHello([
    ...extension(
      21,
      Array.from({ length: 9_000 }, () => 0),
    ),
    ...serverName('a'),
  ])
  t.match(deliver([send('orig', records(large))]).facts[0]?.fact, { fields: { sni: 'a' } })
})

t.test('fault 21: ALPN, TLS 1.3, JA3, JA4 and ECH are told', async (t) => {
  const hello = clientHello([
    ...[...serverName('a'), ...alpn('h2', 'http/1.1')],
    ...[...supportedVersions(0x0304, 0x0303), ...ech],
  ])
  const seen = deliver([
    send('orig', records(hello)),
    send('reply', records(serverHello(extension(43, u16(0x0304))))),
  ])
  const [first, second] = seen.facts
  t.match(first?.fact, {
    fields: { alpn: ['h2', 'http/1.1'], maxVersion: '1.3', ech: true, ja4: /^t13d0104h2_/ },
  })
  t.match(first?.fact.kind === 'tx' && first.fact.detail?.(), { ja3: /^[0-9a-f]{32}$/ })
  t.match(second?.fact, { fields: { version: '1.3' } })
})
