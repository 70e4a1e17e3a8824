import t from 'tap'
import { certificate, commonName, der, dnsName } from '../../../core/x509/certificate.js'
import { type Delivered, deliver, octetByOctet } from '../deliver.js'
import type { Send } from '../send.js'
import {
  clientHello,
  extension,
  message,
  type Octets,
  records,
  serverHello,
  serverName,
  u16,
} from './hello.js'

const u24 = (value: number): Octets => [value >> 16, ...u16(value & 0xffff)]
const v24 = (octets: Octets): Octets => [...u24(octets.length), ...octets]
const certificates = (...chain: readonly Octets[]): Octets =>
  message(11, v24(chain.flatMap((one) => v24(one))))
const DONE = message(14, [])
const LEAF = certificate({ subject: commonName('shop.example'), names: [dnsName('www.example')] })
const NAMES = ['shop.example', 'www.example']

const orig: Send = { dir: 'orig', octets: records(clientHello(serverName('a'))), ended: false }
const reply = (octets: Uint8Array): Send => ({ dir: 'reply', octets, ended: false })

function namesIn({ facts }: Delivered): unknown {
  return facts
    .map(({ fact }) => (fact.kind === 'tx' ? fact.fields.certificateNames : undefined))
    .find((names) => names !== undefined)
}

t.test('the leaf is named, in one record with the ServerHello or in many', async (t) => {
  const flight = [...serverHello([]), ...certificates(LEAF, LEAF), ...DONE]
  for (const most of [16_384, 500, 90, 7, 1]) {
    const sends = [orig, reply(records(flight, most))]
    const seen = deliver(sends)
    t.equal(seen.state, 'done', `records of ${most}`)
    t.same(namesIn(seen), NAMES)
    t.same(namesIn(deliver(sends, 'tcp', octetByOctet)), NAMES, 'octet by octet')
    t.equal(seen.facts.at(-1)?.fact.kind, 'txEnd')
  }
})

t.test('messages in records of their own', async (t) => {
  const parts = [serverHello([]), certificates(LEAF), DONE].map((part) => reply(records(part)))
  t.same(namesIn(deliver([orig, ...parts])), NAMES)
})

// neuvector-dpi.md §9, fault 20: a record above 8 192 octets left the session unidentified.
t.test('a chain far beyond the window: its leaf is enough', async (t) => {
  const big = Array.from({ length: 60_000 }, () => 0x30)
  const flight = [...serverHello([]), ...certificates(LEAF, big), ...DONE]
  const seen = deliver([orig, reply(records(flight))])
  t.same([seen.state, namesIn(seen)], ['done', NAMES])
})

t.test('a leaf of 12 KiB, and one that is too large', async (t) => {
  const wide = (octets: number) =>
    certificate({
      subject: commonName('shop.example'),
      names: [
        der(
          0x81,
          Array.from({ length: octets }, () => 0x61),
        ),
        dnsName('www.example'),
      ],
    })
  for (const most of [16_384, 8_200, 1_000]) {
    const flight = [...serverHello([]), ...certificates(wide(12_000)), ...DONE]
    t.same(namesIn(deliver([orig, reply(records(flight, most))])), NAMES)
  }
  const seen = deliver([orig, reply(records([...serverHello([]), ...certificates(wide(17_000))]))])
  t.equal(seen.state, 'done')
  t.match(seen.facts[2]?.fact, { kind: 'flow', fields: { certificate: 'too-large' } })
})

t.test('no certificate: resumed, anonymous, an empty list, nonsense, TLS 1.3', async (t) => {
  const resumed = [
    ...records(serverHello([])),
    ...records([1], 1, 20),
    ...records(message(20, [1, 2]), 40),
  ]
  const flights: readonly (readonly [string, Uint8Array])[] = [
    ['resumed', Uint8Array.from(resumed)],
    ['anonymous', records([...serverHello([]), ...message(12, [1, 2, 3]), ...DONE])],
    ['an empty list', records([...serverHello([]), ...certificates(), ...DONE])],
    ['TLS 1.3', records([...serverHello(extension(43, u16(0x0304))), ...certificates(LEAF)])],
  ]
  for (const [name, octets] of flights) {
    const seen = deliver([orig, reply(octets)])
    t.equal(seen.state, 'done', name)
    t.equal(namesIn(seen), undefined)
    t.equal(seen.facts.at(-1)?.fact.kind, 'txEnd')
  }
  const seen = deliver([orig, reply(records([...serverHello([]), ...certificates([1, 2, 3])]))])
  t.match(seen.facts[2]?.fact, { kind: 'flow', fields: { certificate: 'unreadable' } })
})
