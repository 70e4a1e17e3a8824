import t from 'tap'
import {
  accepted,
  answer,
  CLIENT_CID,
  cryptoFrames,
  hello,
  initial,
  orig,
  reply,
} from '../dpi/quic/hellos.js'
import { crypto, hex, retryPacket } from '../dpi/quic/seal.js'
import { Bench, brief, compiled, ingressPolicy } from './bench.js'

const SHOP = ingressPolicy(
  `- { name: shop, ports: [{ protocol: UDP, port: 443 }], tls: [{ sni: ["*.shop.example"] }] }`,
)
const UDP = { protocol: 17, destinationPort: 443 }

/** A hello in two datagrams, as with post-quantum key shares; the second half goes first. */
function halves(name: string): readonly [Uint8Array, Uint8Array] {
  const [first = [], ...rest] = cryptoFrames(hello(name, 1_500), 1_000)
  return [orig(initial(rest.flat())).octets, orig(initial(first, { number: 1 })).octets]
}
const whole = (name: string) => orig(initial(crypto(0, hello(name)))).octets
const yes = reply(answer(crypto(0, accepted))).octets

t.test('an allowed hello over two datagrams: both are held until it is whole', async (t) => {
  const bench = new Bench(SHOP)
  const flow = bench.open(UDP)
  const [second, first] = halves('www.shop.example')
  t.same(brief(bench.octets(flow, 'orig', 0, second)), [], 'half a hello is held')
  t.same(brief(bench.octets(flow, 'orig', 1, first)), [{ cmd: 'release', dir: 'orig', upTo: 2 }])
  t.match(brief(bench.octets(flow, 'reply', 0, yes)), [{ cmd: 'settle', verdict: 'allow' }])
  t.match(bench.told.transactions, [
    { verdict: 'allow', fields: { sni: 'www.shop.example', quicVersion: '1', version: '1.3' } },
  ])
  t.equal(bench.ruling(flow).rule, 'default/web/shop')
})

t.test('a denied hello: no datagram of the flow reaches the server', async (t) => {
  for (const datagrams of [[whole('evil.example')], halves('evil.example')]) {
    const bench = new Bench(SHOP)
    const flow = bench.open(UDP)
    const commands = datagrams.flatMap((octets, at) => bench.octets(flow, 'orig', at, octets))
    t.match(brief(commands), [
      { cmd: 'deny', dir: 'orig', from: 0, answer: 'icmp', next: 'close' },
      { cmd: 'settle', verdict: 'deny' },
    ])
    t.equal(commands.filter(({ cmd }) => cmd === 'release').length, 0)
    const again = bench.octets(flow, 'orig', datagrams.length, whole('www.shop.example'))
    t.same(again, [], 'dead is dead')
    t.match(bench.told.denied, [{ rule: 'default-deny', fields: { sni: 'evil.example' } }])
  }
})

t.test('an allowed hello, then a denied one before the server has answered', async (t) => {
  const bench = new Bench(SHOP)
  const flow = bench.open(UDP)
  t.same(brief(bench.octets(flow, 'orig', 0, whole('www.shop.example'))), [
    { cmd: 'release', dir: 'orig', upTo: 1 },
  ])
  const other = initial(crypto(0, hello('evil.example')), { keyCid: hex('a1a2a3a4a5a6a7a8') })
  t.match(brief(bench.octets(flow, 'orig', 1, orig(other).octets)), [
    { cmd: 'deny', from: 1, answer: 'icmp', next: 'close' },
    { cmd: 'settle', verdict: 'deny' },
  ])
})

t.test('after a Retry the hello is judged again', async (t) => {
  const bench = new Bench(SHOP)
  const flow = bench.open(UDP)
  const cid = hex('b1b2b3b4b5b6b7b8')
  bench.octets(flow, 'orig', 0, whole('www.shop.example'))
  bench.octets(flow, 'reply', 0, reply(retryPacket(CLIENT_CID, cid)).octets)
  const again = initial(crypto(0, hello('evil.example')), { keyCid: cid, token: [1] })
  t.match(brief(bench.octets(flow, 'orig', 1, orig(again).octets)), [
    { cmd: 'deny', from: 1 },
    { cmd: 'settle', verdict: 'deny' },
  ])
})

t.test('a contradiction at the same offset: denied, where rules need the hello', async (t) => {
  const bench = new Bench(SHOP)
  const flow = bench.open(UDP)
  bench.octets(flow, 'orig', 0, whole('www.shop.example'))
  const other = initial(crypto(0, hello('evil.example')), { number: 1 })
  t.match(brief(bench.octets(flow, 'orig', 1, orig(other).octets)), [
    { cmd: 'deny', from: 1, answer: 'icmp' },
    { cmd: 'settle', verdict: 'deny' },
  ])
  t.equal(bench.told.malformed.length, 1)
})

t.test(
  'a settled connection stands under a new policy that allows its name, and only then',
  async (t) => {
    for (const [name, verdict] of [
      ['www.shop.example', 'allow'],
      ['other.example', 'deny'],
    ] as const) {
      const both = SHOP.replace('*.shop.example', '*.example')
      const bench = new Bench(both)
      const flow = bench.open(UDP)
      bench.octets(flow, 'orig', 0, whole(name))
      bench.octets(flow, 'reply', 0, yes)
      t.equal(bench.ruling(flow).verdict, 'allow')
      bench.enforce(compiled(SHOP, 2))
      t.equal(bench.ruling(flow).verdict, verdict, name)
    }
  },
)

t.test('not QUIC on an allowed port', async (t) => {
  const bench = new Bench(SHOP)
  const flow = bench.open(UDP)
  t.match(brief(bench.octets(flow, 'orig', 0, '\x40short header')), [{ cmd: 'deny', from: 0 }])
  t.equal(bench.judge.flow(flow)?.app, 'unknown')
})
