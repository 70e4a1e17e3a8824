import t from 'tap'
import { RULE_DEFAULT_DENY, RULE_NOT_ISOLATED } from '../../../src/core/policy/rule-id.js'
import { Bench, brief, ingressPolicy } from './bench.js'

const DNS = ingressPolicy(
  `- { name: names, ports: [{ protocol: UDP, port: 53 }], dns: [{ names: ["*.example"] }] }`,
)

/** RFC 1035 §4.1: one question, IN A. */
function query(id: number, name: string): Buffer {
  const labels = name.split('.').map((label) => `${String.fromCharCode(label.length)}${label}`)
  const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([
    head,
    Buffer.from(`${labels.join('')}\0`, 'latin1'),
    Buffer.from([0, 1, 0, 1]),
  ])
}

for (const [family, destination, source] of [
  ['IPv4', '10.1.0.7', '10.2.0.1'],
  ['IPv6', 'fd00::7', 'fd00::99'],
] as const) {
  t.test(`DNS over UDP, ${family}: each query by itself`, async (t) => {
    const bench = new Bench(DNS)
    const flow = bench.open({ protocol: 17, destination, source, destinationPort: 53 })
    t.same(brief(bench.octets(flow, 'orig', 0, query(1, 'www.example'))), [
      { cmd: 'release', dir: 'orig', upTo: 1 },
    ])
    const denied = bench.octets(flow, 'orig', 1, query(2, 'www.forbidden'))
    t.match(brief(denied), [{ cmd: 'deny', dir: 'orig', from: 1, next: 'continue' }])
    const [deny] = denied
    const answer = deny?.cmd === 'deny' && typeof deny.answer === 'object' ? deny.answer : null
    t.equal((answer?.refusal[3] ?? 0) & 0x0f, 5, 'RCODE REFUSED')
    t.same(brief(bench.octets(flow, 'orig', 2, query(3, 'a.example'))), [
      { cmd: 'release', dir: 'orig', upTo: 3 },
    ])
    t.match(bench.told.denied, [{ rule: 'default-deny' }])
  })
}

t.test('not DNS on the DNS port: ICMP, and the flow stays denied', async (t) => {
  const bench = new Bench(DNS)
  const flow = bench.open({ protocol: 17, destinationPort: 53 })
  t.match(brief(bench.octets(flow, 'orig', 0, 'hello there, this is no DNS')), [
    { cmd: 'deny', from: 0, answer: 'icmp', next: 'close' },
    { cmd: 'settle', verdict: 'deny' },
  ])
})

t.test('what the engine decided is recorded, and asks for nothing', async (t) => {
  const bench = new Bench('')
  const allowed = bench.open({}, { l4: 'allow', rule: RULE_NOT_ISOLATED })
  t.same(bench.commandsAtOpening, [])
  t.match(bench.ruling(allowed), { verdict: 'allow', rule: 'not-isolated', policy: null })
  const denied = bench.open({}, { l4: 'deny', rule: RULE_DEFAULT_DENY })
  t.match(bench.ruling(denied), { verdict: 'deny', reason: 'default-deny' })
  t.equal(bench.told.denied.length, 1)
  t.same(bench.octets(denied, 'orig', 0, 'x'), [])
})

t.test('hold ended: the failure setting decided', async (t) => {
  const bench = new Bench(DNS)
  const flow = bench.open({ destinationPort: 53 })
  const event = { ev: 'holdEnded', flow, endpoint: 7, dir: 'orig', at: 0, cause: 'time' } as const
  t.same(bench.judge.handle([{ ...event, took: 'closed' }]), [])
  t.match(bench.ruling(flow), { verdict: 'deny', reason: 'hold-limit' })
  const open = bench.open({ destinationPort: 53 })
  bench.judge.handle([{ ...event, flow: open, took: 'open' }])
  t.match(bench.ruling(open), { verdict: 'allow', reason: 'hold-limit' })
})

t.test('midstream without a verdict: both ends as opener, or not at all', async (t) => {
  const bench = new Bench(ingressPolicy(`- { name: web, apps: [http] }`))
  const flow = bench.open({}, { start: 'midstream' })
  t.match(brief(bench.commandsAtOpening), [{ cmd: 'deny', answer: 'reset' }])
  t.equal(bench.ruling(flow).reason, 'midstream')
})

t.test('monitor: the verdict is recorded, nothing is enforced', async (t) => {
  const policy = ingressPolicy(`- { name: get, http: [{ methods: [GET] }] }`, 'monitor')
  const bench = new Bench(policy, { mode: 'monitor', enforced: false, depth: 'transactions' })
  const flow = bench.open({})
  const post = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'
  t.same(brief(bench.octets(flow, 'orig', 0, post)), [])
  t.same(brief(bench.octets(flow, 'reply', 0, 'HTTP/1.1 204 No Content\r\n\r\n')), [])
  const then = post.replace('POST', 'GET')
  t.same(brief(bench.octets(flow, 'orig', post.length, then)), [])
  t.match(bench.told.denied, [{ fields: { method: 'POST' } }])
  t.equal(bench.ruling(flow).verdict, 'deny', 'protect would have ended it at the POST')
  bench.close(flow)
  t.match(bench.told.transactions, [{ verdict: 'deny' }, { verdict: 'allow' }])
})

t.test('an L4 denial in monitor: the flow is read on', async (t) => {
  const bench = new Bench(ingressPolicy('[]', 'monitor'), {
    mode: 'monitor',
    enforced: false,
    depth: 'content',
  })
  const flow = bench.open({}, { l4: 'deny', rule: RULE_DEFAULT_DENY })
  bench.octets(flow, 'orig', 0, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.equal(bench.judge.flow(flow)?.app, 'http')
  t.equal(bench.told.denied.length >= 1, true)
})

t.test('what the engine decided is asked again for staged policies alone', async (t) => {
  const rules = ingressPolicy('[{ name: all }]')
  const staged = ingressPolicy('[]')
    .replace('mode:', 'staged: true\n  mode:')
    .replace('web', 'later')
  for (const [text, would] of [
    [rules, undefined],
    [`${rules}\n---\n${staged}`, 'allow'],
  ] as const) {
    const bench = new Bench(text)
    const flow = bench.open({}, { l4: 'allow', rule: RULE_NOT_ISOLATED })
    t.equal(bench.ruling(flow).verdict, 'allow')
    t.equal(bench.judge.flow(flow)?.staged?.verdict, would)
  }
})

t.test('an endpoint that goes takes its flows along', async (t) => {
  const bench = new Bench(DNS)
  const flow = bench.open({})
  bench.judge.removeEndpoint(7)
  t.same(bench.told.closed, [flow])
  t.same(bench.octets(flow, 'orig', 0, 'x'), [])
})

t.test('flows whose end was lost do not pile up', async (t) => {
  const bench = new Bench(DNS, {}, 1, 2)
  const flows = [bench.open({}), bench.open({}), bench.open({})]
  t.same(bench.told.closed, [flows[0]])
  t.equal([...bench.judge.flows()].length, 2)
})
