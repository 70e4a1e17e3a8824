import t from 'tap'
import { compiled, networkPolicy, policy, setOf, WEB } from './fixture.js'

const plain = policy('plain', 'podSelector: {}\ningress: []')
const of = (mode: string, extra = '') => policy(mode, `podSelector: {}\nmode: ${mode}\n${extra}`)

/** policies, defaults.mode, mode, failure */
const CASES: readonly (readonly [
  string,
  readonly string[],
  'discover' | 'monitor' | 'protect',
  string,
  string,
])[] = [
  ['no policy: defaults.mode', [], 'monitor', 'monitor', 'open'],
  ['policies that state no mode: defaults.mode', [plain], 'discover', 'discover', 'open'],
  ['a stated mode wins over a stricter default', [of('monitor')], 'protect', 'monitor', 'open'],
  ['protect > monitor', [of('monitor'), of('protect')], 'discover', 'protect', 'closed'],
  ['monitor > discover', [of('discover'), of('monitor')], 'protect', 'monitor', 'open'],
  [
    'a NetworkPolicy counts as protect',
    [networkPolicy('n', 'podSelector: {}'), of('discover')],
    'discover',
    'protect',
    'closed',
  ],
  [
    'a policy for both directions though it names one',
    [of('protect', 'egress: []')],
    'discover',
    'protect',
    'closed',
  ],
  ['failure as stated', [of('protect', 'failure: open')], 'discover', 'protect', 'open'],
  [
    'failure closed > open',
    [of('protect', 'failure: open'), of('monitor', 'failure: closed')],
    'discover',
    'protect',
    'closed',
  ],
  [
    'failure closed without protect',
    [of('monitor', 'failure: closed')],
    'discover',
    'monitor',
    'closed',
  ],
  [
    'staged policies state nothing',
    [of('protect', 'staged: true\nfailure: closed')],
    'discover',
    'discover',
    'open',
  ],
  ['default protect is closed', [], 'protect', 'protect', 'closed'],
]

for (const [name, texts, defaultMode, mode, failure] of CASES) {
  t.test(`mode: ${name}`, async (t) => {
    const policies = compiled(setOf(...texts), { defaults: { mode: defaultMode } })
    t.match(policies.endpoint(WEB.id), { mode, failure })
  })
}

t.test('mode: an override wins, until it is taken back', async (t) => {
  const set = setOf(of('protect'))
  const overrides = new Map([[WEB.id, 'discover' as const]])
  t.match(compiled(set, { overrides }).endpoint(WEB.id), { mode: 'discover', failure: 'open' })
  t.match(compiled(set, { overrides: new Map() }).endpoint(WEB.id), { mode: 'protect' })
})

t.test('failure: defaults.failure where no policy says', async (t) => {
  const defaults = { mode: 'protect', failure: 'open' } as const
  t.match(compiled(setOf(), { defaults }).endpoint(WEB.id), { failure: 'open' })
  const stated = setOf(of('monitor', 'failure: closed'))
  t.match(compiled(stated, { defaults }).endpoint(WEB.id), { failure: 'closed' })
})
