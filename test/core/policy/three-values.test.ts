import t from 'tap'
import { midstreamPasses, settles } from '../../../src/core/policy/settlement.js'
import { compiledOf, fromWeb, policy, STRANGER, toWeb, verdictOf, WEB } from './fixture.js'

const HTTP_BLOCK = 'http: [{methods: [GET]}]'
const rules = (...list: readonly string[]) =>
  compiledOf(
    policy('p', `podSelector: {}\ningress: [${list.map((rule) => `{${rule}}`).join(', ')}]`),
  )

/** rules, then the verdict with app unknown yet, http, tls, given up. */
const CASES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  [
    'an L4 denial falls at the SYN',
    ['ports: [{port: 81}], apps: [http]'],
    ['deny default-deny', 'deny default-deny', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'an L4 allowance needs no app',
    ['name: l4'],
    ['allow shop/p/l4', 'allow shop/p/l4', 'allow shop/p/l4', 'allow shop/p/l4'],
  ],
  [
    'apps waits for the app; the unknown is matched by none',
    ['name: a, apps: [http]'],
    ['undecided app', 'allow shop/p/a', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'a block implies its app and waits for the transaction',
    [`name: a, ${HTTP_BLOCK}`],
    ['undecided app', 'undecided tx', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'several blocks are alternatives',
    [`name: a, ${HTTP_BLOCK}, tls: [{sni: [a.example]}]`],
    ['undecided app', 'undecided tx', 'undecided tx', 'deny default-deny'],
  ],
  [
    'apps and a block: both must hold',
    [`name: a, apps: [http, tls], ${HTTP_BLOCK}`],
    ['undecided app', 'undecided tx', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'an allowance without app beside one with',
    ['name: a, apps: [http]', 'name: b'],
    ['allow shop/p/b', 'allow shop/p/a', 'allow shop/p/b', 'allow shop/p/b'],
  ],
  [
    'a possible denial holds up an allowance',
    ['name: no, apps: [http], action: deny', 'name: all'],
    ['undecided app', 'deny shop/p/no', 'allow shop/p/all', 'allow shop/p/all'],
  ],
  [
    'a possible denial of a block',
    [`name: no, ${HTTP_BLOCK}, action: deny`, 'name: all'],
    ['undecided app', 'undecided tx', 'allow shop/p/all', 'allow shop/p/all'],
  ],
  [
    'every completion denies: the only app allowed is denied too',
    ['name: no, apps: [http], action: deny', 'apps: [http]'],
    ['deny default-deny', 'deny shop/p/no', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'every completion denies: a possible denial and nothing allowed',
    [`${HTTP_BLOCK}, action: deny`],
    ['deny default-deny', 'deny default-deny', 'deny default-deny', 'deny default-deny'],
  ],
  [
    'a certain denial needs no app, whatever is allowed',
    [`${HTTP_BLOCK}`, 'name: no, action: deny'],
    ['deny shop/p/no', 'deny shop/p/no', 'deny shop/p/no', 'deny shop/p/no'],
  ],
]

for (const [name, list, verdicts] of CASES) {
  t.test(`three values: ${name}`, async (t) => {
    const policies = rules(...list)
    for (const [i, app] of [null, 'http', 'tls', 'unknown'].entries()) {
      t.equal(verdictOf(policies, toWeb(STRANGER), { app }), verdicts[i], String(app))
    }
  })
}

t.test('not isolated: only a possible denial waits', async (t) => {
  const policies = compiledOf(policy('p', 'podSelector: {}\negress: [{apps: [http]}]'))
  t.equal(verdictOf(policies, toWeb(STRANGER)), 'allow not-isolated')
})

t.test('protocols that no parser reads never wait for an app', async (t) => {
  const policies = rules('name: a, apps: [http]', 'name: no, apps: [tls], action: deny')
  for (const protocol of [1, 58, 132, 47]) {
    t.equal(verdictOf(policies, toWeb(STRANGER, 80, protocol)), 'deny default-deny')
  }
  t.equal(verdictOf(policies, toWeb(STRANGER, 80, 17)), 'undecided app')
})

t.test('more apps than classes: undecided more often, never wrong', async (t) => {
  const apps = Array.from({ length: 40 }, (_, i) => `app${String(i).padStart(2, '0')}`)
  const policies = rules(
    `name: all, apps: [${apps.join()}]`,
    `name: no, apps: [app39], action: deny`,
  )
  t.equal(verdictOf(policies, toWeb(STRANGER)), 'undecided app')
  t.equal(verdictOf(policies, toWeb(STRANGER), { app: 'app38' }), 'allow shop/p/all')
  t.equal(verdictOf(policies, toWeb(STRANGER), { app: 'app39' }), 'deny shop/p/no')
  const last = rules(
    'apps: [app39]',
    'apps: [app38], action: deny',
    `apps: [${apps.slice(0, 38).join()}]`,
  )
  t.equal(verdictOf(last, toWeb(STRANGER)), 'undecided app')
})

const SETTLEMENTS: readonly (readonly [string, string, string, string])[] = [
  ['an L4 rule', 'ports: [{port: 80}]', 'http', 'final'],
  ['a rule by app', 'apps: [http]', 'http', 'app'],
  ['a rule by app, given up', 'apps: [http]', 'unknown', 'final'],
  ['a rule by transaction', HTTP_BLOCK, 'http', 'transactions'],
  ['a rule by transaction of another app', HTTP_BLOCK, 'tls', 'app'],
  ['a rule by transaction, given up', HTTP_BLOCK, 'unknown', 'final'],
]
for (const [name, rule, app, settlement] of SETTLEMENTS) {
  t.test(`settles: ${name}`, async (t) => {
    t.equal(settles(rules(rule), WEB.id, toWeb(STRANGER), app), settlement)
  })
}

t.test('settles: a staged block wants its transactions too', async (t) => {
  const policies = compiledOf(
    policy('live', 'podSelector: {}\ningress: [{}]'),
    policy('next', `podSelector: {}\nstaged: true\ningress: [{${HTTP_BLOCK}, action: deny}]`),
  )
  t.equal(settles(policies, WEB.id, toWeb(STRANGER), 'http'), 'transactions')
  t.equal(settles(policies, WEB.id, toWeb(STRANGER), 'tls'), 'app')
})

const IN_80 = 'ingress: [{ports: [{port: 80}]}]'
const MIDSTREAM: readonly (readonly [string, string, boolean])[] = [
  ['no policy', 'mode: protect', true],
  ['either opener allowed', 'ingress: [{}]\negress: [{}]', true],
  ['one opener not isolated, the other allowed', IN_80, true],
  ['one opener denied', `${IN_80}\negress: []`, false],
  ['both openers allowed by their ports', `${IN_80}\negress: [{ports: [{port: 40000}]}]`, true],
  ['allowed only with an L7 fact', 'ingress: [{apps: [http]}]', false],
  ['denied only with an L7 fact', 'ingress: [{}, {apps: [http], action: deny}]', false],
]
for (const [name, spec, passes] of MIDSTREAM) {
  t.test(`midstream: ${name}`, async (t) => {
    const policies = compiledOf(policy('p', `podSelector: {}\n${spec}`))
    const asReceiver = { ...toWeb(STRANGER, 80), sourcePort: 40000 }
    const asOpener = { ...fromWeb(STRANGER, 40000), sourcePort: 80 }
    t.equal(midstreamPasses(policies, WEB.id, asReceiver), passes)
    t.equal(midstreamPasses(policies, WEB.id, asOpener), passes, 'whichever end spoke first')
  })
}
