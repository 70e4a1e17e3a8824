import t from 'tap'
import { type Delivered, deliver } from '../deliver.js'
import type { Send } from '../send.js'
import {
  accepted,
  answer,
  CID,
  CLIENT_CID,
  cryptoFrames,
  hello,
  initial,
  orig,
  reply,
  retryHello,
  SERVER_CID,
} from './hellos.js'
import { crypto, hex, otherPacket, retryPacket, V2, versionNegotiation } from './seal.js'

const quic = (sends: readonly Send[]): Delivered => deliver(sends, 'udp')
const requests = ({ facts }: Delivered) =>
  facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.dir === 'orig' ? [[fact.tx, fact.begin, fact.fields.sni]] : [],
  )
const ends = ({ facts }: Delivered) =>
  facts.flatMap(({ fact }) => (fact.kind === 'txEnd' ? [[fact.tx, fact.end]] : []))
const plain = initial(crypto(0, hello('a.example')))

t.test('one datagram, and the server says yes', async (t) => {
  const seen = quic([orig(plain), reply(answer([...crypto(0, accepted)]))])
  t.equal(seen.state, 'done')
  t.same(requests(seen), [[0, 0, 'a.example']])
  t.match(seen.facts[0]?.fact, {
    fields: { alpn: ['h3'], maxVersion: '1.3', ja4: /^q13d0103h3_/, quicVersion: '1' },
  })
  t.match(seen.facts[1]?.fact, { dir: 'reply', fields: { version: '1.3', cipher: '0x1301' } })
  t.same(ends(seen), [[0, 1]])
})

t.test('a hello over three datagrams, its frames shuffled and overlapping', async (t) => {
  const frames = cryptoFrames(hello('big.example', 2_000), 300)
  const overlap = crypto(100, hello('big.example', 2_000).slice(100, 500))
  const parts = [
    [frames[6], frames[0], [1], frames[2]],
    [frames[1], [0, 0, 0], overlap, frames[3]],
    [frames[5], frames[4], frames[7]],
  ].map((some) => some.flatMap((frame) => frame ?? []))
  const datagrams = parts.map((part, number) => orig(initial(part, { number })))
  const early = quic(datagrams.slice(0, 2))
  t.same([early.state, requests(early)], ['parsing', []])
  t.equal(early.inspection.covered('orig'), 0, 'nothing of it may go out')
  const seen = quic(datagrams)
  t.same(requests(seen), [[0, 0, 'big.example']])
  t.equal(seen.inspection.covered('orig'), 3)
  const backwards = quic([...datagrams].reverse())
  t.same(requests(backwards), [[0, 0, 'big.example']])
})

t.test('an empty datagram and a repeated one uncover nothing', async (t) => {
  const [first = [], ...rest] = cryptoFrames(hello('a', 1_500), 900)
  const part = orig(initial(first))
  const early = quic([part, orig([]), part, orig(otherPacket(1, CID, 1_100))])
  t.equal(early.inspection.covered('orig'), 0)
  const seen = quic([part, orig([]), orig(initial(rest.flat(), { number: 1 }))])
  t.same(requests(seen), [[0, 0, 'a']])
  t.equal(seen.inspection.covered('orig'), 3)
})

t.test('coalesced: two Initial packets and 0-RTT in a datagram', async (t) => {
  const [first = [], second = []] = cryptoFrames(hello('a'), 60)
  const seen = quic([
    orig(
      initial(first, { octets: 0, numberOctets: 1 }),
      initial(second, { octets: 0, number: 1, numberOctets: 2 }),
      otherPacket(1, CID, 1_050),
      [0x40, 1, 2, 3],
    ),
  ])
  t.same(requests(seen), [[0, 0, 'a']])
})

t.test('ACK, ACK with counts, PING and CONNECTION_CLOSE are passed over', async (t) => {
  const frames = [
    ...[1, 2, 9, 0, 1, 2, 1, 1, 3, 5, 0, 0, 0, 1, 2, 3],
    ...crypto(0, hello('a')),
    ...[0x1c, 0x41, 0, 6, 3, 0x62, 0x79, 0x65],
  ]
  t.same(requests(quic([orig(initial(frames))])), [[0, 0, 'a']])
})

t.test('Retry: the hello comes again under other keys', async (t) => {
  const again = initial(crypto(0, hello('b')), {
    keyCid: SERVER_CID,
    token: hex('aabb'),
    number: 1,
  })
  const retry = reply(retryPacket(CLIENT_CID, SERVER_CID))
  const seen = quic([orig(plain), retry, orig(again)])
  t.same(requests(seen), [
    [0, 0, 'a.example'],
    [1, 1, 'b'],
  ])
  t.same(ends(seen), [[0, 1]])
  t.equal(seen.state, 'parsing')
  const end = quic([
    ...[orig(plain), retry, orig(again)],
    reply(answer(crypto(0, accepted), { keyCid: SERVER_CID })),
  ])
  t.same(
    [end.state, ends(end)],
    [
      'done',
      [
        [0, 1],
        [1, 2],
      ],
    ],
  )
})

t.test('HelloRetryRequest: the second hello names the same server', async (t) => {
  const first = hello('a')
  const request = reply(answer(crypto(0, retryHello)))
  const second = (name: string) =>
    orig(initial(crypto(first.length, hello(name)), { dcid: SERVER_CID, number: 1 }))
  const end = reply(answer(crypto(retryHello.length, accepted), { number: 1 }))
  const open = orig(initial(crypto(0, first)))
  t.equal(quic([open, request]).state, 'parsing')
  const same = quic([open, request, second('a'), end])
  t.same([same.state, requests(same)], ['done', [[0, 0, 'a']]])
  t.match(quic([open, request, second('b')]), { state: 'malformed', clause: /§4.1.2 second/ })
})

t.test('the server goes on in version 2 (RFC 9368)', async (t) => {
  const seen = quic([orig(plain), reply(answer(crypto(0, accepted), { version: V2 }))])
  t.equal(seen.state, 'done')
})

t.test('a reserved version, Version Negotiation, then version 1', async (t) => {
  const reserved = [...plain.slice(0, 1), 0x1a, 0x2a, 0x3a, 0x4a, ...plain.slice(5)]
  const negotiation = reply(versionNegotiation(CLIENT_CID, CID))
  const seen = quic([orig(reserved), negotiation, orig(plain)])
  t.same(requests(seen), [
    [0, 0, undefined],
    [1, 1, 'a.example'],
  ])
  t.match(seen.facts[0]?.fact, { fields: { quicVersion: '0x1a2a3a4a' } })
  t.same(ends(seen), [[0, 1]])
  t.equal(seen.inspection.covered('orig'), 2)
})

t.test(
  'another hello at the same offset: which one the server would read is not known',
  async (t) => {
    const other = initial(crypto(0, hello('b.example')), { number: 1 })
    t.match(quic([orig(plain), orig(other)]), { state: 'malformed', clause: /^RFC 9000 §2.2/ })
  },
)

t.test(
  'a second attempt with a connection ID of its own is a transaction of its own',
  async (t) => {
    const other = initial(crypto(0, hello('b')), { keyCid: hex('1112131415161718') })
    const seen = quic([orig(plain), orig(other)])
    t.same(requests(seen), [
      [0, 0, 'a.example'],
      [1, 1, 'b'],
    ])
  },
)
