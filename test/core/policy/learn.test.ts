import t from 'tap'
import { type LearnedTuple, learnedPolicy } from '../../../src/core/policy/learn.js'
import { compiled, fromWeb, STRANGER, setOf, toWeb, verdictOf, WEB } from './fixture.js'

const client = { namespace: 'shop', labels: { app: 'client', 'pod-template-hash': 'abc' } }
const db = { namespace: 'data', labels: { app: 'db' } }
const outside = { cidr: `${STRANGER}/32` }

const TUPLES: readonly LearnedTuple[] = [
  { direction: 'ingress', peer: client, protocol: 6, port: 80, app: 'http', name: 'b.example' },
  { direction: 'ingress', peer: client, protocol: 6, port: 80, app: 'http', name: 'A.example:80' },
  { direction: 'egress', peer: db, protocol: 6, port: 5432, app: 'postgresql' },
  { direction: 'egress', peer: outside, protocol: 6, port: 443, app: 'tls', name: 'api.example' },
  { direction: 'egress', peer: outside, protocol: 17, port: 53, app: 'dns', name: 'api.example.' },
  { direction: 'egress', peer: outside, protocol: 6, port: 9000, app: 'unknown' },
  { direction: 'egress', peer: db, protocol: 1, port: 0, app: null },
]
const learn = (tuples: readonly LearnedTuple[], labels = WEB.labels ?? {}) =>
  learnedPolicy({ namespace: 'shop', pod: 'web-1', labels, tuples })

const http = (host: string) => ({
  app: 'http',
  tx: { app: 'http', fields: { method: 'GET', host, path: '/' }, complete: true },
})

t.test('what was learned imports unchanged and allows just that', async (t) => {
  const text = learn(TUPLES)
  const policies = compiled(setOf(text))
  const rule = (
    connection: Parameters<typeof verdictOf>[1],
    facts?: Parameters<typeof verdictOf>[2],
  ) => verdictOf(policies, connection, facts).split(' ')[0]
  t.equal(rule(toWeb('10.0.0.2'), http('a.example')), 'allow')
  t.equal(rule(toWeb('fd00::2'), http('b.example')), 'allow')
  t.equal(rule(toWeb('10.0.0.2'), http('c.example')), 'deny')
  t.equal(rule(toWeb('10.0.0.2'), { app: 'tls' }), 'deny')
  t.equal(rule(toWeb('10.0.0.3'), http('a.example')), 'deny')
  t.equal(rule(fromWeb('10.0.0.3', 5432), { app: 'postgresql' }), 'allow')
  t.equal(rule(fromWeb('10.0.0.3', 5432), { app: 'http' }), 'deny')
  t.equal(rule(fromWeb(STRANGER, 9000)), 'allow')
  t.equal(rule(fromWeb('10.0.0.3', 0, 1)), 'deny')
  t.equal(policies.endpoint(WEB.id)?.mode, 'monitor')
})

t.test(
  'one rule per peer, port and app, its names sorted; labels of one pod left out',
  async (t) => {
    const text = learn(TUPLES)
    t.match(text, /hosts:\n +- a\.example\n +- b\.example\n/)
    t.equal(text.match(/http:/g)?.length, 1)
    t.notMatch(text, 'pod-template-hash')
  },
)

t.test(
  'a protocol without ports is left out and said: its rule would let in all protocols',
  async (t) => {
    t.match(
      learn(TUPLES),
      '# Left out, as no rule can name it: egress protocol 1 ["data",{"app":"db"}]',
    )
  },
)

t.test('the same things seen in another order give the same text', async (t) => {
  t.equal(learn([...TUPLES].reverse()), learn(TUPLES))
})

t.test('nothing seen: allows nothing', async (t) => {
  const policies = compiled(setOf(learn([])))
  t.equal(verdictOf(policies, toWeb(STRANGER)), 'deny default-deny')
  t.equal(verdictOf(policies, fromWeb(STRANGER)), 'deny default-deny')
})

t.test('hostile names become no wildcard, no YAML and no comment of their own', async (t) => {
  const names = [
    '*',
    'a*b.example',
    'a b',
    'x\ny: z',
    '#',
    '{}',
    '"',
    "'",
    '\u0000',
    'ä.example',
    '&a',
    '!x',
  ]
  for (const app of ['http', 'tls', 'dns']) {
    const tuples = names.map(
      (name): LearnedTuple => ({
        direction: 'egress',
        peer: outside,
        protocol: 6,
        port: 80,
        app,
        name,
      }),
    )
    const [policy] = setOf(learn(tuples)).policies
    const learned = JSON.stringify(policy?.egress)
    t.notMatch(learned, '*', app)
    t.notMatch(learned, 'y: z', app)
    t.match(learn(tuples), `# Left out, as no rule can name it: egress ${app} "*"`)
  }
})

t.test('a pod without labels selects its namespace, and the text says so', async (t) => {
  t.match(learn([], {}), '# The pod has no labels: this selects every pod of namespace shop.')
  t.equal(setOf(learn([], {})).policies[0]?.name, 'learned-web-1')
})

t.test('any pod name gives an object name', async (t) => {
  for (const pod of ['WEB_1', '...', 'a'.repeat(300), 'x.y', '-']) {
    const text = learnedPolicy({ namespace: 'default', pod, labels: {}, tuples: [] })
    t.match(setOf(text).policies[0]?.name, /^learned-[a-z0-9]/, pod)
  }
})
