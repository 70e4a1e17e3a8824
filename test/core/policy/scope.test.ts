import t from 'tap'
import type { EndpointsDirectory } from '../../../src/core/policy/endpoints-directory.js'
import {
  CLIENT,
  compiled,
  compiledOf,
  DB,
  fromWeb,
  networkPolicy,
  policy,
  STRANGER,
  STRANGER_V6,
  setOf,
  toWeb,
  verdictOf,
  WEB,
} from './fixture.js'

const ALLOWED = 'allow shop/p/0'
const DENIED = 'deny default-deny'
const UNTOUCHED = 'allow not-isolated'

const SELECTORS: readonly (readonly [string, string, boolean])[] = [
  ['{} selects all pods of the namespace', '{}', true],
  ['matchLabels', '{matchLabels: {app: web}}', true],
  ['matchLabels, all must hold', '{matchLabels: {app: web, tier: back}}', false],
  ['In', '{matchExpressions: [{key: app, operator: In, values: [api, web]}]}', true],
  ['In needs the key', '{matchExpressions: [{key: zone, operator: In, values: [a]}]}', false],
  ['NotIn', '{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}', false],
  [
    'NotIn holds without the key',
    '{matchExpressions: [{key: zone, operator: NotIn, values: [a]}]}',
    true,
  ],
  ['Exists', '{matchExpressions: [{key: app, operator: Exists}]}', true],
  ['Exists fails without the key', '{matchExpressions: [{key: zone, operator: Exists}]}', false],
  ['DoesNotExist', '{matchExpressions: [{key: zone, operator: DoesNotExist}]}', true],
  [
    'DoesNotExist fails with the key',
    '{matchExpressions: [{key: app, operator: DoesNotExist}]}',
    false,
  ],
  [
    'expressions AND labels',
    '{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: Exists}]}',
    true,
  ],
  [
    'a label called as a property of objects',
    '{matchExpressions: [{key: constructor, operator: Exists}]}',
    false,
  ],
]

for (const [name, selector, isSelected] of SELECTORS) {
  t.test(`podSelector: ${name}`, async (t) => {
    const policies = compiledOf(policy('p', `podSelector: ${selector}\ningress: []`))
    t.equal(verdictOf(policies, toWeb(STRANGER)), isSelected ? DENIED : UNTOUCHED)
  })
}

t.test('a policy selects pods of its own namespace only', async (t) => {
  const other = policy('p', 'podSelector: {}\ningress: []').replace(
    'namespace: shop',
    'namespace: data',
  )
  t.equal(verdictOf(compiledOf(other), toWeb(STRANGER)), UNTOUCHED)
})

interface PeerCase {
  readonly name: string
  readonly from: string
  readonly in: readonly string[]
  readonly out: readonly string[]
}
const CLIENT_ADDRESSES = ['10.0.0.2', 'fd00::2']
const DB_ADDRESSES = ['10.0.0.3', 'fd00::3']
const STRANGERS = [STRANGER, STRANGER_V6]

const PEERS: readonly PeerCase[] = [
  {
    name: 'podSelector alone means the own namespace',
    from: '[{podSelector: {}}]',
    in: CLIENT_ADDRESSES,
    out: [...DB_ADDRESSES, ...STRANGERS],
  },
  {
    name: 'podSelector that another namespace would match',
    from: '[{podSelector: {matchLabels: {app: db}}}]',
    in: [],
    out: [...CLIENT_ADDRESSES, ...DB_ADDRESSES, ...STRANGERS],
  },
  {
    name: 'namespaceSelector alone means all its pods',
    from: '[{namespaceSelector: {matchLabels: {team: data}}}]',
    in: DB_ADDRESSES,
    out: [...CLIENT_ADDRESSES, ...STRANGERS],
  },
  {
    name: 'namespaceSelector {} means every known pod and no unknown address',
    from: '[{namespaceSelector: {}}]',
    in: [...CLIENT_ADDRESSES, ...DB_ADDRESSES],
    out: STRANGERS,
  },
  {
    name: 'podSelector and namespaceSelector in one entry must both hold',
    from: '[{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: client}}}]',
    in: [],
    out: [...CLIENT_ADDRESSES, ...DB_ADDRESSES, ...STRANGERS],
  },
  {
    name: 'two entries are alternatives',
    from: '[{namespaceSelector: {matchLabels: {team: data}}}, {podSelector: {matchLabels: {app: client}}}]',
    in: [...CLIENT_ADDRESSES, ...DB_ADDRESSES],
    out: STRANGERS,
  },
  {
    name: 'the automatic namespace label',
    from: '[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}}]',
    in: DB_ADDRESSES,
    out: [...CLIENT_ADDRESSES, ...STRANGERS],
  },
  {
    name: 'ipBlock matches any address, pods too',
    from: '[{ipBlock: {cidr: 10.0.0.0/24}}, {ipBlock: {cidr: "2001:db8::/32"}}]',
    in: ['10.0.0.2', '10.0.0.3', '10.0.0.77', STRANGER_V6],
    out: ['fd00::2', STRANGER],
  },
  {
    name: 'ipBlock minus except, at the ends of the hole',
    from: '[{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/30, 10.4.0.0/16]}}]',
    in: ['10.0.0.4', '10.3.255.255', '10.5.0.0', '10.255.255.255'],
    out: ['10.0.0.2', '10.0.0.3', '10.4.0.0', '10.4.255.255', '11.0.0.0', '9.255.255.255'],
  },
  {
    name: 'another entry lets in what except takes out',
    from: '[{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/24]}}, {ipBlock: {cidr: 10.0.0.3/32}}]',
    in: ['10.0.0.3'],
    out: ['10.0.0.2'],
  },
  {
    name: '0.0.0.0/0 is all of IPv4 and no IPv6',
    from: '[{ipBlock: {cidr: 0.0.0.0/0}}]',
    in: ['10.0.0.2', STRANGER, '255.255.255.255', '0.0.0.1'],
    out: ['fd00::2', STRANGER_V6],
  },
  {
    name: '::/0 is all of IPv6 and no IPv4',
    from: '[{ipBlock: {cidr: "::/0"}}]',
    in: ['fd00::2', STRANGER_V6, 'ffff::ffff'],
    out: ['10.0.0.2', STRANGER],
  },
  {
    name: 'host bits of a block do not count',
    from: '[{ipBlock: {cidr: 10.0.0.77/24}}]',
    in: ['10.0.0.2'],
    out: ['10.0.1.2'],
  },
  { name: 'no peers = any', from: '[]', in: [...CLIENT_ADDRESSES, ...STRANGERS], out: [] },
]

for (const peers of PEERS) {
  t.test(`peers: ${peers.name}`, async (t) => {
    const rule = `podSelector: {matchLabels: {app: web}}\ningress: [{from: ${peers.from}}]`
    const egress = rule.replace('ingress', 'egress').replace('from', 'to')
    for (const text of [policy('p', rule), networkPolicy('p', rule)]) {
      for (const address of peers.in) {
        t.equal(verdictOf(compiledOf(text), toWeb(address)), ALLOWED, address)
      }
      for (const address of peers.out) {
        t.equal(verdictOf(compiledOf(text), toWeb(address)), DENIED, address)
      }
    }
    const out = compiledOf(policy('p', egress))
    for (const address of peers.in) t.equal(verdictOf(out, fromWeb(address)), ALLOWED, address)
    for (const address of peers.out) t.equal(verdictOf(out, fromWeb(address)), DENIED, address)
  })
}

const TCP = 6
const UDP = 17
const ICMP = 1
const ICMPV6 = 58
const SCTP = 132
const GRE = 47
const PORTS: readonly (readonly [string, string, number, number, boolean])[] = [
  ['a port is TCP unless said', '[{port: 80}]', TCP, 80, true],
  ['another port', '[{port: 80}]', TCP, 81, false],
  ['TCP does not open UDP', '[{port: 80}]', UDP, 80, false],
  ['TCP does not open SCTP', '[{port: 80}]', SCTP, 80, false],
  ['UDP does not open TCP', '[{protocol: UDP, port: 53}]', TCP, 53, false],
  ['SCTP', '[{protocol: SCTP, port: 80}]', SCTP, 80, true],
  ['a protocol without port is all its ports', '[{protocol: UDP}]', UDP, 65535, true],
  ['a protocol without port is no other protocol', '[{protocol: UDP}]', TCP, 53, false],
  ['first of a range', '[{port: 80, endPort: 90}]', TCP, 80, true],
  ['last of a range', '[{port: 80, endPort: 90}]', TCP, 90, true],
  ['behind a range', '[{port: 80, endPort: 90}]', TCP, 91, false],
  ['alternatives', '[{port: 80}, {protocol: UDP, port: 53}]', UDP, 53, true],
  ['a rule with ports never matches ICMP', '[{protocol: TCP}, {protocol: UDP}]', ICMP, 0, false],
  ['a rule with ports never matches ICMPv6', '[{protocol: TCP}]', ICMPV6, 0, false],
  ['no ports = any, ICMP too', '[]', ICMP, 0, true],
  ['no ports = any protocol', '[]', GRE, 0, true],
]

for (const [name, ports, protocol, port, isAllowed] of PORTS) {
  t.test(`ports: ${name}`, async (t) => {
    const spec = `podSelector: {}\ningress: [{ports: ${ports}}]`
    for (const text of [policy('p', spec), networkPolicy('p', spec)]) {
      const verdict = verdictOf(compiledOf(text), toWeb(STRANGER, port, protocol))
      t.equal(verdict, isAllowed ? ALLOWED : DENIED)
    }
  })
}

t.test('named ports match nothing, with a warning that says what to do', async (t) => {
  const text = networkPolicy('p', 'podSelector: {}\ningress: [{ports: [{port: web}]}]')
  const policies = compiledOf(text)
  t.equal(verdictOf(policies, toWeb(STRANGER)), DENIED)
  t.match(policies.warnings, [/NetworkPolicy shop\/p ingress rule 0: named port web .* number/])
})

t.test('a named port beside a number leaves the number', async (t) => {
  const text = networkPolicy('p', 'podSelector: {}\ningress: [{ports: [{port: web}, {port: 80}]}]')
  t.equal(verdictOf(compiledOf(text), toWeb(STRANGER)), ALLOWED)
})

t.test('who a pod is: labels from the directory, the most specific name winning', async (t) => {
  const directory: EndpointsDirectory = {
    namespaces: [],
    pods: [
      { namespace: 'shop', name: 'web-1', labels: { app: 'special' }, addresses: [] },
      { namespace: 'shop', name: 'web-*', labels: { app: 'web', tier: 'front' }, addresses: [] },
      { namespace: 'data', name: 'web-1', labels: { app: 'foreign' }, addresses: [] },
    ],
  }
  const nameless = { id: WEB.id, namespace: WEB.namespace, pod: WEB.pod, addresses: WEB.addresses }
  for (const [selector, isSelected] of [
    ['{app: special, tier: front}', true],
    ['{app: web}', false],
    ['{app: foreign}', false],
  ] as const) {
    const set = setOf(policy('p', `podSelector: {matchLabels: ${selector}}\ningress: []`))
    const policies = compiled(set, { directory, endpoints: [nameless] })
    t.equal(verdictOf(policies, toWeb(STRANGER)), isSelected ? DENIED : UNTOUCHED, selector)
  }
})

t.test(
  'remote pods come from the directory; an address of a live endpoint is its own',
  async (t) => {
    const directory = {
      namespaces: [],
      pods: [
        {
          namespace: 'shop',
          name: 'far',
          labels: { app: 'far' },
          addresses: [STRANGER, '10.0.0.2'],
        },
      ],
    }
    const set = setOf(
      policy('p', 'podSelector: {}\ningress: [{from: [{podSelector: {matchLabels: {app: far}}}]}]'),
    )
    const policies = compiled(set, { directory, endpoints: [WEB, CLIENT, DB] })
    t.equal(verdictOf(policies, toWeb(STRANGER)), ALLOWED)
    t.equal(verdictOf(policies, toWeb('10.0.0.2')), DENIED)
  },
)
