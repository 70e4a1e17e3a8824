import t from 'tap'
import { type ConfFile, decide } from '../../../src/core/cni/conf-choice.js'
import { bareEntry, intentText, readIntentText } from '../../../src/core/cni/conf-intent.js'

const OURS = { type: 'vethwall' }
const WISH = { instance: 'vethwall', entry: { ...OURS, failure: 'closed' } }
const list = (...types: (string | object)[]): string =>
  JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: types.map((type) => (typeof type === 'string' ? { type } : type)),
  })
const files = (texts: Readonly<Record<string, string | null>>): ConfFile[] =>
  Object.entries(texts).map(([name, text]) => ({ name, text }))
const plain = list('bridge', 'portmap')
const carrying = list('bridge', OURS)
const single = '{"cniVersion":"1.0.0","name":"x","type":"bridge"}'

interface Case {
  readonly name: string
  readonly in: Readonly<Record<string, string>>
  readonly want: object
}

t.test('which file, and what it needs', async (t) => {
  const cases: readonly Case[] = [
    { name: 'nothing there', in: {}, want: { kind: 'none' } },
    { name: 'as it should be', in: { 'a.conflist': carrying }, want: { kind: 'carried' } },
    {
      name: 'missing: appended with the remembered keys',
      in: { 'a.conflist': plain },
      want: {
        ...{ kind: 'repair', need: 'missing', file: 'a.conflist', text: plain },
        repaired: list('bridge', 'portmap', WISH.entry),
      },
    },
    {
      name: 'repeated: the first keeps its keys, and goes last',
      in: { 'a.conflist': list(OURS, 'bridge', WISH.entry) },
      want: { kind: 'repair', need: 'repeated', repaired: list('bridge', OURS) },
    },
    {
      name: 'somebody else after us stays there: two who want to be last would never end',
      in: { 'a.conflist': list('bridge', OURS, 'istio-cni') },
      want: { kind: 'carried', entry: OURS },
    },
    {
      name: 'the lexical first of two lists, whatever the order they are found in',
      in: { 'b.conflist': carrying, 'a.conflist': plain },
      want: { kind: 'repair', file: 'a.conflist' },
    },
    {
      name: 'the second list stays as it is',
      in: { 'a.conflist': carrying, 'b.conflist': plain },
      want: { kind: 'carried', file: 'a.conflist' },
    },
    {
      name: 'a left-over .conf wins',
      in: { '10-x.conf': single, '10-x.conflist': plain },
      want: { kind: 'single', file: '10-x.conf', carriedBy: null },
    },
    {
      name: 'a .json is one plugin as well; what it may delegate to is named',
      in: { '00-multus.json': single, '10-x.conflist': carrying },
      want: { kind: 'single', file: '00-multus.json', carriedBy: '10-x.conflist' },
    },
    {
      name: 'a .conf behind the list does not matter',
      in: { '10-x.conflist': carrying, '99-loopback.conf': single },
      want: { kind: 'carried' },
    },
    {
      name: 'only ourselves: never made better by us',
      in: { 'a.conflist': list(OURS), 'b.conflist': plain },
      want: { kind: 'unfit', file: 'a.conflist', reason: /no primary/ },
    },
    {
      name: 'a version that cannot chain',
      in: { 'a.conflist': plain.replace('1.0.0', '0.2.0') },
      want: { kind: 'unfit', reason: /0\.2\.0/ },
    },
    {
      name: "another instance's entry",
      in: { 'a.conflist': list('bridge', { ...OURS, instance: 'other' }) },
      want: { kind: 'foreign', instance: 'other' },
    },
  ]
  for (const c of cases) t.match(decide(files(c.in), WISH), { state: c.want }, c.name)
})

t.test('what is not valid is passed over, named, and not touched', async (t) => {
  const bad: readonly [string, string | null, RegExp][] = [
    ['a.conflist', '', /empty/],
    ['a.conflist', '  \n', /empty/],
    ['a.conflist', plain.slice(0, -1), /not JSON/],
    ['a.conflist', '\0'.repeat(64), /not JSON/],
    ['a.conflist', 'null', /not a conflist/],
    ['a.conflist', '{"cniVersion":"1.0.0","name":"x","plugins":[]}', /not a conflist: plugins/],
    ['a.conflist', single, /not a conflist: plugins/],
    ['a.conflist', null, /cannot be read/],
    ['a.conf', '', /empty/],
    ['a.conf', '[', /not JSON/],
    ['a.conf', 'null', /no plugin type/],
    ['a.json', plain, /no plugin type/],
  ]
  for (const [name, text, reason] of bad) {
    t.match(decide(files({ [name]: text }), WISH), {
      state: { kind: 'none' },
      passedOver: [{ file: name, reason }],
    })
    const { state } = decide(files({ [name]: text, 'b.conflist': plain }), WISH)
    t.match(state, { kind: 'repair', file: 'b.conflist' }, 'the next one is taken')
  }
})

t.test('cut at every length, no list becomes another one', async (t) => {
  for (let length = 0; length < carrying.length; length++) {
    const { state } = decide(files({ 'a.conflist': carrying.slice(0, length) }), WISH)
    t.equal(state.kind, 'none', String(length))
  }
})

t.test('the intent, read back; what is none is refused', async (t) => {
  const intent = { confDir: '/etc/cni/net.d', binDir: '/opt/cni/bin', entry: bareEntry('other') }
  t.same(readIntentText(intentText(intent)), { schema: 1, ...intent })
  t.same(bareEntry('vethwall'), OURS)
  const text = intentText(intent)
  for (let length = 0; length < text.trimEnd().length; length++) {
    t.type(readIntentText(text.slice(0, length)), 'string')
  }
  for (const bad of [text.replace('1', '2'), text.replace('"/etc', '"etc'), '\0\0\0', 'null']) {
    t.type(readIntentText(bad), 'string', bad)
  }
})
