import t from 'tap'
import {
  appendEntry,
  conflistProblem,
  removeEntry,
  sameJson,
} from '../../../src/core/cni/conflist.js'

const bridge = { type: 'bridge', zeta: 1, alpha: { b: 1, a: 2 } }
const list = (...plugins: object[]) =>
  JSON.stringify({ cniVersion: '0.4.0', name: 'pods', vendor: [1], plugins })

t.test('append', async (t) => {
  const cases = [
    { name: 'last', in: list(bridge), want: list(bridge, { type: 'vethwall' }) },
    {
      name: 'moved to the end',
      in: list({ type: 'vethwall' }, bridge),
      want: list(bridge, { type: 'vethwall' }),
    },
    {
      name: 'duplicates become one, the first keeps its keys',
      in: list(bridge, { type: 'vethwall', failure: 'closed' }, { type: 'vethwall' }),
      want: list(bridge, { type: 'vethwall', failure: 'closed' }),
    },
  ]
  for (const c of cases) {
    const edit = appendEntry(c.in)
    t.equal(edit.kind, 'changed', c.name)
    t.equal(edit.kind === 'changed' && JSON.stringify(JSON.parse(edit.text)), c.want, c.name)
  }
  t.equal(appendEntry(list(bridge, { type: 'vethwall' })).kind, 'unchanged', 'twice is harmless')
  const keyed = appendEntry(list(bridge), { instance: 'other' })
  t.match(keyed, { kind: 'changed', text: /"instance": "other"/ }, 'own keys are set')
})

t.test('a list is never left or made without its primary', async (t) => {
  const bad = [
    { in: '', reason: /not JSON/ },
    { in: '{"name":"x"', reason: /not JSON/ },
    { in: '{"name":"x","plugins":[]}', reason: /not a conflist/ },
    { in: list({ type: 'vethwall' }), reason: /no primary/ },
    { in: '{"cniVersion":"1.0.0","name":"x","type":"bridge"}', reason: /not a conflist: plugins/ },
  ]
  for (const c of bad) {
    t.match(appendEntry(c.in), { kind: 'invalid', reason: c.reason }, c.in)
    t.match(conflistProblem(c.in), c.reason, c.in)
  }
  t.match(removeEntry(list({ type: 'vethwall' })), { kind: 'invalid' })
})

t.test('remove is the reverse of append', async (t) => {
  const appended = appendEntry(list(bridge))
  t.equal(appended.kind, 'changed')
  if (appended.kind !== 'changed') return
  const removed = removeEntry(appended.text)
  t.equal(removed.kind === 'changed' && JSON.stringify(JSON.parse(removed.text)), list(bridge))
  t.equal(removeEntry(list(bridge)).kind, 'unchanged')
})

t.test('same data', async (t) => {
  t.ok(sameJson('{"a":1,"b":[{"x":1,"y":2}]}', '{ "b": [{"y":2,"x":1}], "a": 1 }'))
  t.notOk(sameJson('[1,2]', '[2,1]'), 'order of a list counts')
  t.notOk(sameJson('', '{}'))
})
