/** What policy asks for beyond the plain fields of requests: header fields, and what replies say. */
import t from 'tap'
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
  t.match(brief(bench.judge.setPolicy(compiled(ACME, 2))), [{ cmd: 'release' }, { cmd: 'release' }])
  t.equal(bench.ruling(flow).rule, 'default/web/h')
  const other = headerRule('{ name: x-other, equals: b }')
  t.match(brief(bench.judge.setPolicy(compiled(other, 3))), [{ cmd: 'deny', answer: 'reset' }])
})

t.test('a request under way still has all of its header fields', async (t) => {
  const bench = new Bench(ACME)
  const flow = bench.open({})
  bench.octets(flow, 'orig', 0, get('X-Tenant: acme', 'X-Other: b'))
  const other = headerRule('{ name: x-other, equals: b }')
  t.match(brief(bench.judge.setPolicy(compiled(other, 2))), [{ cmd: 'release' }])
})
