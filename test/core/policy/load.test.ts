import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPolicySet } from '../../../src/core/policy/load.js'
import { formatDocumentError } from '../../../src/core/yaml-document.js'
import { root } from '../../root.js'
import { networkPolicy, policy, setOf } from './fixture.js'

function errorsOf(...texts: readonly string[]): string[] {
  const load = loadPolicySet(texts.map((text, i) => ({ path: `${i}.yaml`, text })))
  return load.ok ? [] : load.errors.map(formatDocumentError)
}

/** The spec starts in line 5, indented by 2. */
const SPEC_ERRORS: readonly (readonly [string, string, string])[] = [
  [
    'an unknown key',
    'podSelector: {}\ningres: []',
    '0.yaml:6:3: spec.ingres: unknown key: correct its spelling or remove it',
  ],
  [
    'an unknown key of a rule',
    'podSelector: {}\ningress:\n  - form: []',
    '0.yaml:7:7: spec.ingress[0].form: unknown key: correct its spelling or remove it',
  ],
  [
    'to in an ingress rule',
    'podSelector: {}\ningress: [{to: []}]',
    '0.yaml:6:14: spec.ingress[0].to: unknown key: correct its spelling or remove it',
  ],
  ['no podSelector', 'mode: protect', '0.yaml:5:3: spec.podSelector: missing: a map is required'],
  [
    'text for a list',
    'podSelector: {}\ningress: all',
    '0.yaml:6:3: spec.ingress: must be a list, found string',
  ],
  [
    'a key without value',
    'podSelector: {}\ningress:',
    '0.yaml:6:3: spec.ingress: empty: write [] for an empty list',
  ],
  [
    'an unknown mode',
    'podSelector: {}\nmode: block',
    '0.yaml:6:3: spec.mode: use discover, monitor, protect',
  ],
  [
    'an unknown action',
    'podSelector: {}\ningress: [{action: drop}]',
    '0.yaml:6:14: spec.ingress[0].action: use allow, deny',
  ],
  [
    'a number for a label',
    'podSelector: {matchLabels: {v: 1}}',
    '0.yaml:5:31: spec.podSelector.matchLabels.v: must be text, found number: put it in quotes',
  ],
  [
    'a bad label key',
    'podSelector: {matchLabels: {"a b": x}}',
    '0.yaml:5:31: spec.podSelector.matchLabels["a b"]: a label key is [prefix/]name, as app',
  ],
  [
    'In without values',
    'podSelector: {matchExpressions: [{key: a, operator: In}]}',
    '0.yaml:5:36: spec.podSelector.matchExpressions[0]: In needs values: add at least one',
  ],
  [
    'Exists with values',
    'podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}',
    '0.yaml:5:63: spec.podSelector.matchExpressions[0].values: Exists takes no values: remove them, or use In',
  ],
  [
    'a bad CIDR',
    'podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 10.0.0.1}}]}]',
    '0.yaml:6:32: spec.ingress[0].from[0].ipBlock.cidr: write address/length, as 10.0.0.0/8 or fd00::/8',
  ],
  [
    'except outside its block',
    'podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}]',
    '0.yaml:6:59: spec.ingress[0].from[0].ipBlock.except[0]: must be a smaller block inside 10.0.0.0/8: correct or remove it',
  ],
  [
    'except of the other family',
    'podSelector: {}\ningress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ["fd00::/9"]}}]}]',
    'must be a smaller block inside 10.0.0.0/8',
  ],
  [
    'ipBlock beside a selector',
    'podSelector: {}\ningress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]',
    'ipBlock stands alone: make the selectors a list entry of their own',
  ],
  [
    'an empty peer',
    'podSelector: {}\ningress: [{from: [{}]}]',
    'an empty peer: give podSelector, namespaceSelector or ipBlock',
  ],
  [
    'port 0',
    'podSelector: {}\ningress: [{ports: [{port: 0}]}]',
    'spec.ingress[0].ports[0].port: a port is 1 to 65535',
  ],
  [
    'a port name in a Policy',
    'podSelector: {}\ningress: [{ports: [{port: web}]}]',
    '0.yaml:6:23: spec.ingress[0].ports[0].port: must be a number, found string',
  ],
  [
    'endPort below port',
    'podSelector: {}\ningress: [{ports: [{port: 9, endPort: 8}]}]',
    'below port 9: a range goes from port up to endPort',
  ],
  [
    'endPort alone',
    'podSelector: {}\ningress: [{ports: [{endPort: 8}]}]',
    'endPort needs port: add the first port of the range',
  ],
  [
    'an empty list that could mean any or none',
    'podSelector: {}\ningress: [{apps: []}]',
    'an empty list matches nothing: leave the key out for any',
  ],
  [
    'apps unknown',
    'podSelector: {}\ningress: [{apps: [unknown]}]',
    'no rule can name unknown apps: list the apps to allow',
  ],
  [
    'apps and a block that exclude each other',
    'podSelector: {}\ningress: [{apps: [tls], http: [{}]}]',
    'spec.ingress[0].http: can match nothing: apps lacks http; add it there or leave apps out',
  ],
  [
    'a host with a port',
    'podSelector: {}\ningress: [{http: [{hosts: ["a:80"]}]}]',
    'hosts are compared without port: leave the port out, or use ports:',
  ],
  [
    'a host that is a URL',
    'podSelector: {}\ningress: [{http: [{hosts: ["http://a/"]}]}]',
    'hosts are names only: leave out scheme and path',
  ],
  [
    'a path with a query',
    'podSelector: {}\ningress: [{http: [{paths: ["/a?b"]}]}]',
    'paths are compared without query: leave ? and the rest out',
  ],
  [
    'a path without /',
    'podSelector: {}\ningress: [{http: [{paths: [a]}]}]',
    'paths start with / or *',
  ],
  [
    'a path with dot segments',
    'podSelector: {}\ningress: [{http: [{paths: [/a/../b]}]}]',
    'dot segments are removed before comparing: write none',
  ],
  [
    'a path with %',
    'podSelector: {}\ningress: [{http: [{paths: [/100%]}]}]',
    '% must be followed by two hexadecimal digits: write %25 for %',
  ],
  [
    'an IDN in Unicode',
    'podSelector: {}\negress: [{dns: [{names: [ä.example]}]}]',
    'names are ASCII without spaces: write IDN as xn--',
  ],
]
for (const [name, spec, message] of SPEC_ERRORS) {
  t.test(`refused with place and advice: ${name}`, async (t) => {
    const errors = errorsOf(policy('p', spec))
    t.equal(errors.length, 1, errors.join('\n'))
    if (message.startsWith('0.yaml')) t.equal(errors[0], message)
    else t.match(errors[0], message)
  })
}

t.test('NetworkPolicy knows no fields of ours', async (t) => {
  t.match(errorsOf(networkPolicy('p', 'podSelector: {}\nmode: protect')), [
    /spec\.mode: unknown key/,
  ])
  t.match(errorsOf(networkPolicy('p', 'podSelector: {}\ningress: [{action: deny}]')), [
    /action: unknown key/,
  ])
})

t.test('NetworkPolicy as kubectl prints it, alone and in a List', async (t) => {
  const printed = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
  creationTimestamp: "2026-01-01T00:00:00Z"
  generation: 1
  name: web
  namespace: shop
  resourceVersion: "12"
  uid: 0f1e
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - ipBlock: {cidr: 10.0.0.0/8}
    ports:
    - {port: 80, protocol: TCP}
    - {port: http, protocol: TCP}
status: {}
`
  t.match(setOf(printed).policies, [
    { kind: 'NetworkPolicy', namespace: 'shop', name: 'web', mode: 'protect' },
  ])
  const list = `apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ""}\nitems:\n- ${printed.replaceAll('\n', '\n  ').slice(3)}`
  t.match(setOf(list).policies, [{ name: 'web' }])
  t.match(errorsOf(list.replace('policyTypes: [Ingress]', 'policyTypes: [In]')), [
    /^0.yaml:17:19: items\[0\]\.spec\.policyTypes\[0\]: use Ingress, Egress/,
  ])
})

t.test('a namespace that is not said is default', async (t) => {
  const text = policy('p', 'podSelector: {}').replace(', namespace: shop', '')
  t.equal(setOf(text).policies[0]?.namespace, 'default')
})

const FOREIGN: readonly (readonly [string, string, RegExp])[] = [
  [
    'another kind',
    'apiVersion: v1\nkind: Pod',
    /^0\.yaml:2:1: kind: v1 Pod is not read here, only vethwall\.dev\/v1 Policy and/,
  ],
  [
    'another version of ours',
    'apiVersion: vethwall.dev/v2\nkind: Policy',
    /^0\.yaml:1:1: apiVersion: vethwall\.dev\/v2 Policy is not read here/,
  ],
  ['no kind', 'spec: {}', /^0\.yaml:1:1: kind: \(no apiVersion\) \(no kind\) is not read here/],
  ['a scalar', 'hello', /^0\.yaml:1:1: no policy document: write vethwall\.dev\/v1 Policy/],
  ['a list', '- a', /^0\.yaml:1:1: kind: /],
  ['no YAML', 'a: [', /^0\.yaml:1:\d+: YAML: /],
  ['a key twice', 'a: 1\na: 2', /^0\.yaml:2:1: YAML: Map keys must be unique/],
  ['an unknown alias', 'a: *b', /^0\.yaml:1:\d+: YAML: .*b/],
  ['a tab', 'a:\n\t- b', /^0\.yaml:2:1: YAML: /],
]
for (const [name, text, message] of FOREIGN) {
  t.test(`refused: ${name}`, async (t) => {
    t.match(errorsOf(text)[0], message)
  })
}

t.test('billion laughs end as an error', async (t) => {
  const levels = ['a: &a [x,x,x,x,x,x,x,x,x]']
  for (let i = 1; i < 9; i++) {
    const [name, before] = [String.fromCharCode(97 + i), String.fromCharCode(96 + i)]
    levels.push(`${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join()}]`)
  }
  t.match(errorsOf(levels.join('\n')), [/YAML: Excessive alias count/])
})

t.test('duplicates are errors and name the first; another kind may share the name', async (t) => {
  const one = policy('p', 'podSelector: {}')
  t.same(errorsOf(one, `${one}---\n${policy('q', 'podSelector: {}')}`), [
    '0.yaml:3:12: metadata.name: Policy shop/p is already in 0.yaml:3: rename or remove one'.replace(
      '0',
      '1',
    ),
  ])
  t.equal(setOf(one, networkPolicy('p', 'podSelector: {}')).policies.length, 2)
})

t.test('one wrong document fails the set, and every error of every file is told', async (t) => {
  const errors = errorsOf(
    policy('good', 'podSelector: {}'),
    `${policy('bad', 'podSelector: {}\nmode: x\nfailure: y')}---\n${policy('worse', 'podSelector: []')}`,
    'a: [',
  )
  t.equal(errors.length, 4, errors.join('\n'))
})

t.test('empty documents and files of comments are no policies', async (t) => {
  t.same(
    setOf('', '# nothing\n', `---\n---\n${policy('p', 'podSelector: {}')}---\n`).policies.length,
    1,
  )
})

t.test('policies come sorted by namespace and name, whatever the files', async (t) => {
  const set = setOf(policy('b', 'podSelector: {}'), policy('a', 'podSelector: {}'))
  t.same(
    set.policies.map(({ name }) => name),
    ['a', 'b'],
  )
})

t.test('the samples load', async (t) => {
  const folder = join(root, 'conf/policy')
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ path: name, text: readFileSync(join(folder, name), 'utf8') }))
  t.ok(files.length > 0)
  const load = loadPolicySet(files)
  t.same(load.ok ? [] : load.errors.map(formatDocumentError), [])
})
