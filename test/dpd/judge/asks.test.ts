/** What policy asks for beyond the plain fields of requests: header fields, and what replies say. */
import t from 'tap'
import type { Parser } from '../../../src/core/inspect/contract.js'
import { Bench, brief, compiled, ingressPolicy } from './bench.js'

const headerRule = (condition: string, action = 'allow') =>
  ingressPolicy(
    `- { name: h, action: ${action}, http: [{ headers: [${condition}] }] }\n- apps: [dns]`,
  )
const ACME = headerRule('{ name: X-Tenant, equals: acme }')
const get = (...lines: readonly string[]) =>
  ['GET / HTTP/1.1', 'Host: a', ...lines, '\r\n'].join('\r\n')
const REPLY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'

t.test('a request is judged by its header fields', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    [get('X-Tenant: acme'), 'release'],
    [get('x-tenant:acme '), 'release'],
    [get('X-Tenant: other'), 'deny'],
    [get(), 'deny'],
    [get('X-Tenant: acme', 'X-Tenant: acme'), 'release'],
    [get('X-Tenant: acme', 'X-Tenant: other'), 'deny'],
  ]
  for (const [request, cmd] of cases) {
    const bench = new Bench(ACME)
    t.match(brief(bench.octets(bench.open({}), 'orig', 0, request)), [{ cmd }], request)
  }
})

t.test('a denied value is denied beside another one', async (t) => {
  const policy = `${headerRule('{ name: x-a, equals: bad }', 'deny')}    - name: rest\n`
  for (const lines of [['X-A: bad'], ['X-A: bad', 'X-A: good'], ['X-A: good', 'X-A: bad']]) {
    const bench = new Bench(policy)
    const commands = bench.octets(bench.open({}), 'orig', 0, get(...lines))
    t.match(brief(commands), [{ cmd: 'deny' }], lines.join())
  }
})

t.test('what was asked for stays for the next generation', async (t) => {
  const bench = new Bench(ACME)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, get('X-Tenant: acme', 'X-Other: b'))
  bench.octets(flow, 'reply', 0, REPLY)
  t.match(brief(bench.enforce(compiled(ACME, 2))), [{ cmd: 'release' }, { cmd: 'release' }])
  t.equal(bench.ruling(flow).rule, 'default/web/h')
  const other = headerRule('{ name: x-other, equals: b }')
  t.match(brief(bench.enforce(compiled(other, 3))), [{ cmd: 'deny', answer: 'reset' }])
})

t.test('a request under way still has all of its header fields', async (t) => {
  const bench = new Bench(ACME)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, get('X-Tenant: acme', 'X-Other: b'))
  const other = headerRule('{ name: x-other, equals: b }')
  t.match(brief(bench.enforce(compiled(other, 2))), [{ cmd: 'release' }])
})

/** A handshake in words: `hello 1.3` offers, `1.2` answers; the rest of the connection is anything. */
const handshake: Parser<null> = {
  app: 'tls',
  transport: ['tcp'],
  limits: { windowOctets: 64, stateOctets: 64, openTx: 1, probeOctets: 6 },
  probe: ({ orig }) => (orig.length === 0 ? 'more' : orig[0] === 0x68 ? 'yes' : 'no'),
  open: () => null,
  step: (_, dir, input, at) => {
    const end = input.indexOf(0x0a) + 1
    const version = Buffer.from(input.subarray(0, end))
      .toString('latin1')
      .trim()
      .replace('hello ', '')
    if (end === 0) return { take: 0, facts: [], next: { kind: 'need', octets: input.length + 1 } }
    const fields = { [dir === 'orig' ? 'maxVersion' : 'version']: version }
    return {
      take: end,
      facts: [
        { kind: 'tx', tx: 0, dir, begin: at, fields, complete: true },
        ...(dir === 'reply' ? [{ kind: 'txEnd' as const, tx: 0, end: at + end }] : []),
      ],
      next: dir === 'reply' ? { kind: 'done' } : { kind: 'need', octets: 1 },
    }
  },
  gap: () => ({ take: 0, facts: [], next: { kind: 'done' } }),
}
const NEW_TLS = ingressPolicy('- { name: new, tls: [{ minVersion: "1.3" }] }\n- apps: [dns]')
const ANY_TLS = ingressPolicy('- { name: any, tls: [{ sni: ["*"] }, {}] }\n- apps: [dns]')

t.test('a reply that a rule asks for is judged before any of it passes', async (t) => {
  const bench = new Bench(NEW_TLS, {}, 1, 10, [handshake])
  const flow = bench.open({})
  t.same(brief(bench.octets(flow, 'orig', 0, 'hello 1.3\n')), [
    { cmd: 'release', dir: 'orig', upTo: 10 },
  ])
  t.same(brief(bench.octets(flow, 'reply', 0, '1.')), [], 'half of it is held')
  t.match(brief(bench.octets(flow, 'reply', 2, '2\n')), [{ cmd: 'deny', answer: 'reset' }])
  t.match(bench.told.denied, [
    { rule: 'default-deny', fields: { maxVersion: '1.3', version: '1.2' } },
  ])
})

t.test('a reply that keeps to the rule passes, and settles what is over', async (t) => {
  const bench = new Bench(NEW_TLS, {}, 1, 10, [handshake])
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, 'hello 1.3\n')
  t.match(brief(bench.octets(flow, 'reply', 0, '1.3\n')), [{ cmd: 'settle', verdict: 'allow' }])
  t.equal(bench.ruling(flow).rule, 'default/web/new')
})

t.test('replies that no rule asks for pass as they come', async (t) => {
  const bench = new Bench(ANY_TLS, {}, 1, 10, [handshake])
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, 'hello 1.3\n')
  t.same(brief(bench.octets(flow, 'reply', 0, '1.')), [{ cmd: 'release', dir: 'reply', upTo: 2 }])
})

t.test('what a server picked is known to the next generation', async (t) => {
  const bench = new Bench(ANY_TLS, {}, 1, 10, [handshake])
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, 'hello 1.3\n')
  bench.octets(flow, 'reply', 0, '1.2\n')
  t.match(brief(bench.enforce(compiled(NEW_TLS, 2))), [{ cmd: 'deny', answer: 'reset' }])
})
