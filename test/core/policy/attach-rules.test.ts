import t from 'tap'
import { attachRules } from '../../../src/core/policy/attach-compile.js'
import {
  attachFileSchema,
  matchAttachRule,
  settingWithoutDpd,
} from '../../../src/core/policy/attach-rules.js'
import { EMPTY_DIRECTORY } from '../../../src/core/policy/endpoints-directory.js'
import { recordOf } from '../../intercept/tc/record.js'
import { policy, setOf } from './fixture.js'

const directory = {
  namespaces: [],
  pods: [
    { namespace: 'shop', name: 'web-*', labels: { app: 'web' }, addresses: [] },
    { namespace: 'shop', name: 'web-admin-*', labels: { app: 'admin' }, addresses: [] },
    { namespace: 'shop', name: 'db-0', labels: { app: 'db' }, addresses: [] },
  ],
}
const web = policy('web', 'podSelector: {matchLabels: {app: web}}\nmode: protect')
const all = policy('all', 'podSelector: {}\nmode: monitor\nfailure: closed')
const defaults = { mode: 'discover' } as const
const RECORD = recordOf(7)

function match(rules: ReturnType<typeof attachRules>, pod: string, namespace = 'shop') {
  const rule = matchAttachRule(rules, { namespace, pod })
  return rule === null ? null : `${rule.mode} ${rule.failure}`
}

t.test('names of the directory stand for labels, the most specific first', async (t) => {
  const rules = attachRules({ set: setOf(web), directory, defaults })
  t.same(
    rules.map(({ pod, labels }) => [pod, labels]),
    [
      ['web-admin-*', { app: 'admin' }],
      ['web-*', { app: 'web' }],
    ],
  )
  t.equal(match(rules, 'web-1'), 'protect closed')
  t.equal(match(rules, 'web-admin-1'), 'discover open', 'a narrower name that is not selected')
  t.equal(match(rules, 'db-0'), null, 'the conflist decides')
  t.equal(match(rules, 'web-1', 'data'), null)
})

t.test('a policy for all pods covers those that no directory names', async (t) => {
  const rules = attachRules({ set: setOf(web, all), directory, defaults })
  t.equal(match(rules, 'anything'), 'monitor closed')
  t.equal(match(rules, 'db-0'), 'monitor closed')
  t.equal(match(rules, 'web-1'), 'protect closed')
})

t.test('stated defaults cover every pod of every namespace', async (t) => {
  const directory = EMPTY_DIRECTORY
  const strict = attachRules({ set: setOf(), directory, defaults: { mode: 'protect' } })
  t.equal(match(strict, 'p', 'x'), 'protect closed')
  const set = setOf(all)
  const open = attachRules({ set, directory, defaults: { mode: 'discover', failure: 'open' } })
  t.equal(match(open, 'p', 'x'), 'discover open')
  t.equal(match(open, 'p', 'shop'), 'monitor closed', 'a named namespace before any')
  t.same(attachRules({ set: setOf(), directory, defaults }), [])
})

t.test('what is made is what the file schema takes', async (t) => {
  const rules = attachRules({ set: setOf(web, all), directory, defaults: { mode: 'protect' } })
  t.same(attachFileSchema.parse(JSON.parse(JSON.stringify({ schema: 1, rules }))).rules, rules)
  t.notOk(attachFileSchema.safeParse({ schema: 2, rules }).success)
  t.notOk(attachFileSchema.safeParse({ schema: 1, rules: [{ pod: 'x' }] }).success)
})

t.test('quarantine precedes every rule, and a file from before it knows none', async (t) => {
  const rules = attachRules({ set: setOf(all), directory, defaults })
  const open = [
    { namespace: '*', pod: '*', labels: {}, mode: 'discover', failure: 'open' },
  ] as const
  const named = { ...RECORD, podUid: 'uid-1' }
  const alone = { ...RECORD, podUid: null, containerID: 'c9' }
  const quarantined = ['uid-1', 'container:c9']
  const file = attachFileSchema.parse({ schema: 1, rules: open, quarantined })
  for (const record of [named, alone]) {
    t.match(settingWithoutDpd(file, record, 'open'), { path: 'quarantine', failure: 'open' })
  }
  const others = { ...named, podUid: 'uid-2' }
  t.match(settingWithoutDpd(file, others, 'closed'), { path: 'direct', failure: 'open' })
  t.match(settingWithoutDpd(null, others, 'closed'), { path: 'quarantine', failure: 'closed' })
  t.same(attachFileSchema.parse({ schema: 1, rules }).quarantined, [])
})
