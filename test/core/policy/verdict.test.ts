import t from 'tap'
import { evaluate } from '../../../src/core/policy/evaluate.js'
import {
  compiled,
  compiledOf,
  fromWeb,
  NODE_ADDRESS,
  NODE_ADDRESS_V6,
  networkPolicy,
  policy,
  STRANGER,
  setOf,
  toWeb,
  verdictOf,
  WEB,
} from './fixture.js'

const DENIED = 'deny default-deny'
const UNTOUCHED = 'allow not-isolated'

/** spec, podIngress, podEgress */
const ISOLATION: readonly (readonly [string, string, string, string])[] = [
  ['neither key isolates neither direction', 'podSelector: {}', UNTOUCHED, UNTOUCHED],
  ['ingress: [] isolates podIngress', 'podSelector: {}\ningress: []', DENIED, UNTOUCHED],
  ['egress: [] isolates podEgress', 'podSelector: {}\negress: []', UNTOUCHED, DENIED],
  [
    'a list of deny rules isolates too',
    'podSelector: {}\ningress: [{ports: [{port: 1}], action: deny}]',
    DENIED,
    UNTOUCHED,
  ],
  ['the rule {} allows all', 'podSelector: {}\ningress: [{}]', 'allow shop/p/0', UNTOUCHED],
  [
    'staged isolates nothing',
    'podSelector: {}\nstaged: true\ningress: []\negress: []',
    UNTOUCHED,
    UNTOUCHED,
  ],
]
for (const [name, spec, ingress, egress] of ISOLATION) {
  t.test(`isolation, Policy: ${name}`, async (t) => {
    const policies = compiledOf(policy('p', spec))
    t.equal(verdictOf(policies, toWeb(STRANGER)), ingress)
    t.equal(verdictOf(policies, fromWeb(STRANGER)), egress)
  })
}

const POLICY_TYPES: readonly (readonly [string, string, string, string])[] = [
  ['no rules, no types: Ingress', 'podSelector: {}', DENIED, UNTOUCHED],
  ['egress rules, no types: both', 'podSelector: {}\negress: [{}]', DENIED, 'allow shop/p/0'],
  ['egress [], no types: Ingress only', 'podSelector: {}\negress: []', DENIED, UNTOUCHED],
  [
    'Ingress only, egress rules do not count',
    'podSelector: {}\npolicyTypes: [Ingress]\negress: [{}]',
    DENIED,
    UNTOUCHED,
  ],
  [
    'Egress only, ingress rules do not count',
    'podSelector: {}\npolicyTypes: [Egress]\ningress: [{}]',
    UNTOUCHED,
    DENIED,
  ],
  [
    'both',
    'podSelector: {}\npolicyTypes: [Ingress, Egress]\ningress: [{}]',
    'allow shop/p/0',
    DENIED,
  ],
  [
    'null lists are absent, as kubectl may print them',
    'podSelector: {}\npolicyTypes: [Ingress]\ningress: null',
    DENIED,
    UNTOUCHED,
  ],
]
for (const [name, spec, ingress, egress] of POLICY_TYPES) {
  t.test(`isolation, NetworkPolicy: ${name}`, async (t) => {
    const policies = compiledOf(networkPolicy('p', spec))
    t.equal(verdictOf(policies, toWeb(STRANGER)), ingress)
    t.equal(verdictOf(policies, fromWeb(STRANGER)), egress)
  })
}

const ALLOW_ALL = 'podSelector: {}\ningress: [{name: all}]'
const DENY_80 = 'podSelector: {}\ningress: [{name: no80, ports: [{port: 80}], action: deny}]'

t.test('a matching deny rule stands above every allow rule, in any order of files', async (t) => {
  const texts = [policy('a', ALLOW_ALL), policy('b', DENY_80)]
  for (const order of [texts, [...texts].reverse()]) {
    const policies = compiledOf(...order)
    t.equal(verdictOf(policies, toWeb(STRANGER, 80)), 'deny shop/b/no80')
    t.equal(verdictOf(policies, toWeb(STRANGER, 81)), 'allow shop/a/all')
  }
})

t.test('a NetworkPolicy cannot allow what a Policy denies', async (t) => {
  const policies = compiledOf(
    networkPolicy('a', 'podSelector: {}\ningress: [{}]'),
    policy('z', DENY_80),
  )
  t.equal(verdictOf(policies, toWeb(STRANGER, 80)), 'deny shop/z/no80')
})

t.test('policies add up: what one of them allows is allowed', async (t) => {
  const one = policy('a', 'podSelector: {}\ningress: [{ports: [{port: 80}]}]')
  const two = policy('b', 'podSelector: {}\ningress: [{ports: [{port: 81}]}]')
  const policies = compiledOf(two, one)
  t.equal(verdictOf(policies, toWeb(STRANGER, 80)), 'allow shop/a/0')
  t.equal(verdictOf(policies, toWeb(STRANGER, 81)), 'allow shop/b/0')
  t.equal(verdictOf(policies, toWeb(STRANGER, 82)), DENIED)
})

t.test(
  'the named rule is the first match by policy and index, in any order of files',
  async (t) => {
    const texts = ['c', 'a', 'b'].map((name) =>
      policy(name, `podSelector: {}\ningress: [{ports: [{port: 1}]}, {}]`),
    )
    for (const order of [texts, [...texts].reverse()]) {
      t.equal(verdictOf(compiledOf(...order), toWeb(STRANGER)), 'allow shop/a/1')
    }
  },
)

t.test('the opener is judged by podEgress and the receiver by podIngress', async (t) => {
  const policies = compiledOf(
    policy('p', 'podSelector: {}\ningress: [{name: in}]\negress: [{name: out}]'),
  )
  t.equal(verdictOf(policies, toWeb(STRANGER)), 'allow shop/p/in')
  t.equal(verdictOf(policies, fromWeb(STRANGER)), 'allow shop/p/out')
})

t.test(
  'node: ingress from an address of this node is allowed, egress to it is judged',
  async (t) => {
    const set = setOf(policy('p', 'podSelector: {}\ningress: [{action: deny}]\negress: []'))
    for (const node of [NODE_ADDRESS, NODE_ADDRESS_V6]) {
      t.equal(verdictOf(compiled(set), toWeb(node)), 'allow node')
      t.equal(verdictOf(compiled(set), fromWeb(node)), DENIED)
      const strict = compiled(set, { nodeTraffic: 'policy' })
      t.equal(verdictOf(strict, toWeb(node)), 'deny shop/p/0')
    }
  },
)

t.test('self: a pod reaches itself, by any address of any of its interfaces', async (t) => {
  const set = setOf(
    policy('p', 'podSelector: {}\ningress: [{action: deny}]\negress: [{action: deny}]'),
  )
  const second = { ...WEB, id: 9, addresses: ['10.9.0.1/24'] }
  const policies = compiled(set, { endpoints: [WEB, second] })
  for (const own of ['10.0.0.1', 'fd00::1', '10.9.0.1']) {
    t.equal(verdictOf(policies, fromWeb(own)), 'allow self')
    t.equal(verdictOf(policies, toWeb(own)), 'allow self')
  }
})

t.test('quarantine precedes everything: self, node and every rule', async (t) => {
  const set = setOf(policy('p', ALLOW_ALL))
  const policies = compiled(set, { quarantined: new Set([WEB.id]) })
  for (const connection of [toWeb(STRANGER), toWeb(NODE_ADDRESS), fromWeb('10.0.0.1')]) {
    t.equal(verdictOf(policies, connection), 'deny quarantine')
  }
})

t.test('an endpoint of no policy and an unknown endpoint are not isolated', async (t) => {
  const policies = compiledOf()
  t.equal(verdictOf(policies, toWeb(STRANGER)), UNTOUCHED)
  t.equal(evaluate(policies, 4711, toWeb(STRANGER), { app: null }).rule, 2)
  t.equal(policies.endpoint(4711), null)
})

t.test('every rule id leads to policy, rule, direction, action and file', async (t) => {
  const policies = compiledOf(policy('p', `${DENY_80}\negress: [{}]`))
  t.same(policies.rules.slice(16), [
    {
      policy: 'shop/p',
      rule: 'no80',
      direction: 'ingress',
      action: 'deny',
      staged: false,
      file: '0.yaml',
    },
    {
      policy: 'shop/p',
      rule: '0',
      direction: 'egress',
      action: 'allow',
      staged: false,
      file: '0.yaml',
    },
  ])
  t.equal(policies.rules[1]?.rule, 'default-deny')
  t.equal(policies.generation, 7)
})

t.test('staged: reported beside the verdict, isolation included, and never in force', async (t) => {
  const live = policy('live', 'podSelector: {}\ningress: [{name: all}]')
  const staged = policy(
    'next',
    'podSelector: {}\nstaged: true\ningress: [{name: no80, ports: [{port: 80}], action: deny}]\negress: [{ports: [{port: 53}]}]',
  )
  const policies = compiledOf(live, staged)
  const inbound = evaluate(policies, WEB.id, toWeb(STRANGER, 80), { app: null })
  t.equal(inbound.verdict, 'allow')
  t.equal(inbound.wouldStage?.verdict, 'deny')
  t.equal(policies.rules[inbound.wouldStage?.rule ?? 0]?.rule, 'no80')
  t.equal(policies.rules[inbound.wouldStage?.rule ?? 0]?.staged, true)
  const outbound = evaluate(policies, WEB.id, fromWeb(STRANGER, 80), { app: null })
  t.match(outbound, { verdict: 'allow', rule: 2, wouldStage: { verdict: 'deny', rule: 1 } })
  const none = evaluate(compiledOf(live), WEB.id, toWeb(STRANGER), { app: null })
  t.equal(none.wouldStage, null)
})
