import t from 'tap'
import { appendEntry, conflistProblem, removeEntry } from '../../../src/core/cni/conflist.js'

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
    {
      name: 'of two instances ours stays',
      in: list(bridge, { type: 'vethwall', instance: 'other' }, { type: 'vethwall', mine: 1 }),
      want: list(bridge, { type: 'vethwall', mine: 1 }),
    },
  ]
  for (const c of cases) {
    const edit = appendEntry(c.in)
    t.equal(edit.kind, 'changed', c.name)
    t.equal(edit.kind === 'changed' && JSON.stringify(JSON.parse(edit.text)), c.want, c.name)
  }
  t.equal(appendEntry(list(bridge, { type: 'vethwall' })).kind, 'unchanged', 'twice is harmless')
  const keyed = appendEntry(list(bridge), { type: 'vethwall', instance: 'other' })
  t.match(keyed, { kind: 'changed', text: /"instance":"other"/ }, 'own keys are set')
})

t.test('a list is never left or made without its primary', async (t) => {
  const bad = [
    { in: '', reason: /empty/ },
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

t.test("nothing of the vendor's text changes", async (t) => {
  const texts = [
    '{"cniVersion":"0.4.0","name":"x","plugins":[{"type":"bridge"},{"type":"portmap"}]}',
    '{"plugins": [ {"type":"a"} ],\n "name":"x", "cniVersion":"1.0.0"}\n\n',
    '{\n\t"cniVersion": "1.0.0",\n\t"name": "x",\n\t"plugins": [\n\t\t{\n\t\t\t"type": "a",\r\n\t\t\t"n": 9007199254740993\n\t\t} ,\n\t\t{ "type":"b" }\n\t]\n}\n',
    '{\n"name"\n:"x",\n"cniVersion":"1.0.0","plugins"\n:\n[\n{"type":"a","10":1,"9":1.0,"x":"# , ] \\u0041 \\/ "}\n]\n}',
    '{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"a","twice":1,"twice":2}],"plugins2":[]}',
  ]
  for (const text of texts) {
    const appended = appendEntry(text, { type: 'vethwall', failure: 'closed' })
    t.equal(appended.kind, 'changed', text)
    if (appended.kind !== 'changed') continue
    t.match(JSON.parse(appended.text).plugins.at(-1), { type: 'vethwall', failure: 'closed' })
    t.same(removeEntry(appended.text), { kind: 'changed', text }, 'and back, octet by octet')
  }
  const first = '{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"vethwall"} , {"type":"a"}]}'
  t.match(removeEntry(first), { text: first.replace('{"type":"vethwall"} , ', '') })
  const twice = first.replace('}]', '}, {"type":"vethwall"}]')
  t.match(removeEntry(twice), { text: first.replace('{"type":"vethwall"} , ', '') })
})

t.test('what cannot be edited in place is left', async (t) => {
  const twice =
    '{"cniVersion":"1.0.0","name":"x","plugins":[{"type":"b"}],"plugins":[{"type":"a"}]}'
  t.match(appendEntry(twice), { kind: 'invalid', reason: /cannot be told apart/ })
})

t.test('versions that cannot chain are not appended to', async (t) => {
  const versioned = (text: string) => `{${text}"name":"x","plugins":[{"type":"a"}]}`
  for (const text of ['', '"cniVersion":"0.2.0",', '"cniVersion":"2.0.0",']) {
    t.match(appendEntry(versioned(text)), { kind: 'invalid', reason: /cniVersion/ }, text)
  }
  const several = '"cniVersion":"2.0.0","cniVersions":["1.0.0","2.0.0"],'
  t.equal(appendEntry(versioned(several)).kind, 'changed')
})
