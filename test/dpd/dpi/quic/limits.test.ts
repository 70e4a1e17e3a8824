import t from 'tap'
import { STRETCHES_MAX } from '../../../../src/dpd/dpi/quic/crypto-stream.js'
import { ATTEMPTS_MAX, PENDING_MAX, REPLIES_MAX } from '../../../../src/dpd/dpi/quic/parser.js'
import { type Delivered, deliver } from '../deliver.js'
import type { Send } from '../send.js'
import { message } from '../tls/hello.js'
import { accepted, answer, CID, cryptoFrames, hello, initial, orig, reply } from './hellos.js'
import { crypto, hex, type Octets, otherPacket, padding } from './seal.js'

const quic = (sends: readonly Send[]): Delivered => deliver(sends, 'udp')
const plain = initial(crypto(0, hello('a')))

const malformed: readonly { name: string; sends: readonly Send[]; clause: string }[] = [
  {
    name: 'a tag that is not right',
    sends: [orig([...plain.slice(0, -1), (plain.at(-1) ?? 0) ^ 1])],
    clause: 'RFC 9001 §5.2',
  },
  {
    name: 'no frame',
    sends: [orig(initial([], { octets: 0 }), otherPacket(1, CID, 1_200))],
    clause: 'RFC 9000 §12.4 packet without frames',
  },
  { name: 'a STREAM frame', sends: [orig(initial([8, 0, 0]))], clause: 'RFC 9000 §12.4' },
  {
    name: 'a frame beyond the packet',
    sends: [orig(initial([2, 1, 0, 0x7f, 0xff, 0]))],
    clause: 'RFC 9000 §19',
  },
  {
    name: 'not a ClientHello',
    sends: [orig(initial(crypto(0, accepted)))],
    clause: 'RFC 8446 §4 ClientHello',
  },
  {
    name: 'a hello of 16 MiB',
    sends: [orig(initial(crypto(0, [1, 0xff, 0xff, 0xff])))],
    clause: 'RFC 8446 §4 message length',
  },
  {
    name: 'a malformed hello',
    sends: [orig(initial(crypto(0, message(1, [3, 3, 0]))))],
    clause: 'RFC 8446 §4.1.2',
  },
  {
    name: 'octets far ahead',
    sends: [orig(initial(crypto(32_768, [1])))],
    clause: 'RFC 9000 §7.5 more than 32768 octets',
  },
  {
    name: 'stretches that never join',
    sends: [
      orig(initial(Array.from({ length: STRETCHES_MAX + 1 }, (_, i) => crypto(2 * i, [1])).flat())),
    ],
    clause: `RFC 9000 §7.5 more than ${STRETCHES_MAX} stretches`,
  },
  {
    name: 'a hello that never comes',
    sends: Array.from({ length: PENDING_MAX + 1 }, (_, number) => orig(initial([1], { number }))),
    clause: 'RFC 9000 §7.5 no ClientHello',
  },
  {
    name: 'attempts without end',
    sends: Array.from({ length: ATTEMPTS_MAX + 1 }, (_, i) =>
      orig(initial(crypto(0, hello('a')), { keyCid: hex(`0${i}02030405060708`) })),
    ),
    clause: `RFC 9000 §7.2 more than ${ATTEMPTS_MAX}`,
  },
  {
    name: 'a server that says something else',
    sends: [orig(plain), reply(answer(crypto(0, hello('a'))))],
    clause: 'RFC 8446 §4.1.3',
  },
]

for (const { name, sends, clause } of malformed) {
  t.test(name, async (t) => {
    const seen = quic(sends)
    t.match([seen.app, seen.state], ['quic', 'malformed'])
    t.equal(seen.clause.slice(0, clause.length), clause)
    t.not(seen.parserFault, true)
  })
}

t.test('a server whose ServerHello is not seen: the handshake is over some time', async (t) => {
  const unread = Array.from({ length: REPLIES_MAX + 1 }, () => reply(otherPacket(2, CID)))
  const early = quic([orig(plain), ...unread.slice(1)])
  t.equal(early.state, 'parsing')
  const seen = quic([orig(plain), ...unread])
  t.equal(seen.state, 'done')
  t.match(seen.facts.at(-1)?.fact, { kind: 'txEnd', tx: 0 })
})

t.test('what is damaged after the hello is dropped, as its server does', async (t) => {
  const damaged: Octets = [...plain.slice(0, 30), ...plain.slice(30).map((octet) => octet ^ 0xff)]
  const seen = quic([orig(plain), orig(damaged), orig(plain.slice(0, 600)), orig([0xc0])])
  t.equal(seen.state, 'parsing')
  t.equal(seen.inspection.covered('orig'), 4)
})

t.test('a hello of 16 KiB', async (t) => {
  const frames = cryptoFrames(hello('a', 16_000), 1_100)
  const seen = quic(frames.map((frame, number) => orig(initial(frame, { number }))))
  t.match(seen.facts[0]?.fact, { fields: { sni: 'a' } })
})

t.test('what is not QUIC', async (t) => {
  const version = (...octets: Octets): Octets => [0xc3, ...octets, ...plain.slice(5)]
  const others: Record<string, Octets> = {
    'less than 1 200 octets': plain.slice(0, 1_199),
    'a short header': [0x40, ...plain.slice(1)],
    'no fixed bit': [0x83, ...plain.slice(1)],
    'a Handshake packet': otherPacket(2, CID, 1_200),
    '0-RTT alone': otherPacket(1, CID, 1_200),
    'a connection ID of 7': initial(crypto(0, hello('a')), { keyCid: hex('01020304050607') }),
    'draft 29': version(0xff, 0, 0, 0x1d),
    'Version Negotiation': version(0, 0, 0, 0),
    'a length beyond the datagram': plain.map((octet, i) => (i === 18 ? 0x7f : octet)),
    zeros: padding(1_300),
  }
  for (const [name, octets] of Object.entries(others)) {
    t.equal(quic([orig(octets)]).app, 'unknown', name)
  }
})
