/** Peers by name: what is learned, when the answer passes, and for whom a request may be. */
import t from 'tap'
import type { EngineCommand, FiveTuple } from '../../../src/core/inspect/contract.js'
import type { NameBook } from '../../../src/core/policy/name-book.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import { Bench, brief, POD, POD_ADDRESSES } from './bench.js'

const RESOLVER = '10.96.0.10'
const SHOP = '192.0.2.7'
const SHOP_OCTETS = [192, 0, 2, 7]

const policy = (more = '') => `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: {}
  mode: protect
  ${more}
  egress:
    - { name: dns, to: [{ ipBlock: { cidr: 10.96.0.0/16 } }], ports: [{ protocol: UDP, port: 53 }] }
    - { name: shop, to: [{ fqdn: "*.shop.example" }], ports: [{ port: 80 }, { port: 443 }] }
`

class Book implements NameBook {
  readonly learned: string[] = []
  nowMs = 0
  readonly #names: { key: string; name: string; expiresMs: number }[] = []

  learn(endpoint: number, { name, addresses, ttlSeconds }: Parameters<NameBook['learn']>[1]): void {
    this.learned.push(`${endpoint} ${name} ${addresses.join()} ${ttlSeconds}`)
    const expiresMs = this.nowMs + ttlSeconds * 1000
    for (const address of addresses)
      this.#names.push({ key: `${endpoint} ${address}`, name, expiresMs })
  }

  namesOf(endpoint: number, address: string, agoMs: number): readonly string[] {
    const standing = this.#names.filter(
      ({ key, expiresMs }) => key === `${endpoint} ${address}` && expiresMs > this.nowMs - agoMs,
    )
    return standing.map(({ name }) => name)
  }
}

const name = (text: string): number[] => [
  ...text.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]),
  0,
]
const question = (text: string, type = 1): number[] => [...name(text), 0, type, 0, 1]
const query = (text: string, id = 1): Uint8Array =>
  Uint8Array.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...question(text)])
const answer = (text: string, id = 1, octets = SHOP_OCTETS): Uint8Array =>
  Uint8Array.from([
    ...[0, id, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...question(text)],
    ...[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, octets.length, ...octets],
  ])

function pod(more = '', endpoint = {}) {
  const book = new Book()
  const given = { names: book, input: { resolvers: [RESOLVER] }, nowMs: () => book.nowMs }
  return { book, bench: new Bench(policy(more), endpoint, 1, 1000, registry, given) }
}

const fromPod = (to: Partial<FiveTuple>): Partial<FiveTuple> => ({
  ...{ source: POD_ADDRESSES.v4, destination: SHOP, destinationPort: 80, ...to },
})
const toResolver = fromPod({ protocol: 17, destination: RESOLVER, destinationPort: 53 })
const opener = { podSide: 'opener' } as const

function ask(bench: Bench, text: string): { flow: number; commands: EngineCommand[] } {
  const flow = bench.open(toResolver, opener)
  bench.octets(flow, 'orig', 0, query(text))
  return { flow, commands: bench.octets(flow, 'reply', 0, answer(text)) }
}

t.test('an answer passes when it is learned', async (t) => {
  const { bench, book } = pod()
  const flow = bench.open(toResolver, opener)
  t.same(brief(bench.octets(flow, 'orig', 0, query('www.shop.example'))), [
    { cmd: 'release', dir: 'orig', upTo: 1 },
  ])
  t.same(book.learned, [])
  t.same(brief(bench.octets(flow, 'reply', 0, answer('www.shop.example'))), [
    { cmd: 'release', dir: 'reply', upTo: 1 },
  ])
  t.same(book.learned, [`${POD} www.shop.example ${SHOP} 60`])
  t.equal(bench.judge.flow(flow)?.phase, 'judging', 'further answers are read too')
})

t.test('only answers to a question of the pod, by id, name and resolver', async (t) => {
  const { bench, book } = pod()
  const flow = bench.open(toResolver, opener)
  bench.octets(flow, 'reply', 0, answer('www.shop.example'))
  bench.octets(flow, 'orig', 0, query('www.shop.example', 2))
  bench.octets(flow, 'reply', 1, answer('www.shop.example', 3))
  bench.octets(flow, 'reply', 2, answer('evil.shop.example', 2))
  t.same(book.learned, [])
  const other = bench.open(fromPod({ ...toResolver, destination: '10.96.0.66' }), opener)
  bench.octets(other, 'orig', 0, query('www.shop.example'))
  bench.octets(other, 'reply', 0, answer('www.shop.example'))
  t.same(book.learned, [], 'who is no resolver teaches nothing')
  const inbound = bench.open({ protocol: 17, source: RESOLVER, destinationPort: 53 })
  bench.octets(inbound, 'orig', 0, query('www.shop.example'))
  bench.octets(inbound, 'reply', 0, answer('www.shop.example'))
  t.same(book.learned, [], "the pod's own answers teach nothing")
  const tunnel = { kind: 'vxlan', id: 42, peer: '192.0.2.66' } as const
  const within = bench.open({ ...toResolver, tunnel }, opener)
  bench.octets(within, 'orig', 0, query('www.shop.example'))
  bench.octets(within, 'reply', 0, answer('www.shop.example'))
  t.same(book.learned, [], 'nor does what a tunnel carries')
})

t.test('who was not asked for is denied', async (t) => {
  const { bench } = pod()
  t.equal(bench.ruling(bench.open(fromPod({}), opener)).verdict, 'deny')
  ask(bench, 'www.shop.example')
  t.equal(bench.ruling(bench.open(fromPod({}), opener)).verdict, 'undecided')
  t.equal(bench.ruling(bench.open(fromPod({ destinationPort: 22 }), opener)).verdict, 'deny')
})

t.test('strict: a request is for a name of the address', async (t) => {
  const { bench } = pod()
  ask(bench, 'www.shop.example')
  const request = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`
  const flow = bench.open(fromPod({}), opener)
  const first = request('www.shop.example')
  t.match(brief(bench.octets(flow, 'orig', 0, first)), [{ cmd: 'release', upTo: first.length }])
  const denied = brief(bench.octets(flow, 'orig', first.length, request('api.shop.example')))
  t.match(denied, [{ cmd: 'deny', dir: 'orig', from: first.length }])
  const fronted = bench.open(fromPod({}), opener)
  t.match(brief(bench.octets(fronted, 'orig', 0, request('evil.example'))), [{ cmd: 'deny' }])
})

t.test('strict: what says no name goes by its address', async (t) => {
  const { bench } = pod()
  ask(bench, 'www.shop.example')
  const flow = bench.open(fromPod({ destinationPort: 443 }), opener)
  t.match(brief(bench.octets(flow, 'orig', 0, '\x00'.repeat(600))), [
    { cmd: 'settle', verdict: 'allow' },
  ])
})

t.test('loose: the address is enough', async (t) => {
  const { bench } = pod('fqdnBinding: loose')
  ask(bench, 'www.shop.example')
  t.match(bench.ruling(bench.open(fromPod({}), opener)), {
    verdict: 'allow',
    rule: 'default/web/shop',
  })
})

t.test('a flow is judged by the names that stood when it began', async (t) => {
  const beside = policy('fqdnBinding: loose').replace(
    '  egress:',
    '  egress:\n    - { name: probes, apps: [ssh] }',
  )
  const book = new Book()
  const given = { names: book, input: { resolvers: [RESOLVER] }, nowMs: () => book.nowMs }
  const bench = new Bench(beside, {}, 1, 1000, registry, given)
  ask(bench, 'www.shop.example')
  const early = bench.open(fromPod({}), opener)
  book.nowMs = 61_000
  const late = bench.open(fromPod({}), opener)
  const request = 'GET / HTTP/1.1\r\nHost: www.shop.example\r\n\r\n'
  t.match(bench.ruling(early), { verdict: 'allow', rule: 'default/web/shop' })
  t.match(
    brief(bench.octets(late, 'orig', 0, request)),
    [{ cmd: 'deny' }],
    'whatever left it undecided',
  )
})

t.test('a denied question teaches nothing', async (t) => {
  const book = new Book()
  const text = policy().replace('name: dns,', 'name: dns, dns: [{ names: ["*.example"] }],')
  const given = { names: book, input: { resolvers: [RESOLVER] } }
  const bench = new Bench(text, {}, 1, 1000, registry, given)
  const flow = bench.open(toResolver, opener)
  t.match(brief(bench.octets(flow, 'orig', 0, query('www.shop.test'))), [{ cmd: 'deny' }])
  bench.octets(flow, 'reply', 0, answer('www.shop.test'))
  t.same(book.learned, [])
})

t.test('what is no DNS on its way to a resolver is let go at once', async (t) => {
  const { bench } = pod()
  const flow = bench.open(toResolver, opener)
  t.match(brief(bench.octets(flow, 'orig', 0, 'no question at all')), [
    { cmd: 'settle', verdict: 'allow' },
  ])
})
