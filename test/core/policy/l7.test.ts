import t from 'tap'
import type { Fields } from '../../../src/core/inspect/contract.js'
import { compiledOf, policy, STRANGER, toWeb, verdictOf } from './fixture.js'

const ALLOW = 'allow shop/p/rule'
const NO_ALLOW = 'deny default-deny'
const DENY = 'deny shop/p/rule'
const NO_DENY = 'allow shop/p/else'

function verdicts(block: string, app: string, fields: Fields, complete = true): string[] {
  const allowing = compiledOf(policy('p', `podSelector: {}\ningress: [{name: rule, ${block}}]`))
  const denying = compiledOf(
    policy('p', `podSelector: {}\ningress: [{name: rule, ${block}, action: deny}, {name: else}]`),
  )
  const facts = { app, tx: { app, fields, complete } }
  return [allowing, denying].map((policies) => verdictOf(policies, toWeb(STRANGER), facts))
}

type Case = readonly [name: string, block: string, app: string, fields: Fields]

const MATCHING: readonly Case[] = [
  ['methods', 'http: [{methods: [GET, HEAD]}]', 'http', { method: 'HEAD' }],
  [
    'fields AND',
    'http: [{methods: [GET], hosts: [a.example], paths: [/x]}]',
    'http',
    { method: 'GET', host: 'a.example', path: '/x' },
  ],
  [
    'entries are alternatives',
    'http: [{methods: [PUT]}, {methods: [GET]}]',
    'http',
    { method: 'GET' },
  ],
  [
    'an entry without fields matches every request',
    'http: [{}]',
    'http',
    { method: 'BREW', path: '/' },
  ],
  [
    'a host without case, port and final dot',
    'http: [{hosts: [a.example]}]',
    'http',
    { host: 'A.Example.:8080' },
  ],
  [
    'a pattern in capitals with a final dot',
    'http: [{hosts: [A.EXAMPLE.]}]',
    'http',
    { host: 'a.example' },
  ],
  ['an IPv6 host', 'http: [{hosts: ["[fd00::1]"]}]', 'http', { host: '[FD00:0::1]:80' }],
  [
    'an IPv6 pattern in another spelling',
    'http: [{hosts: ["[fd00:0:0::0001]"]}]',
    'http',
    { host: '[fd00::1]' },
  ],
  [
    '* within a host runs over dots',
    'http: [{hosts: ["*.example"]}]',
    'http',
    { host: 'a.b.example' },
  ],
  ['a path without its query', 'http: [{paths: [/a]}]', 'http', { path: '/a?b=/../c' }],
  ['a path decoded', 'http: [{paths: [/admin]}]', 'http', { path: '/%61dmin' }],
  ['a path decoded once', 'http: [{paths: [/%2561]}]', 'http', { path: '/%2561' }],
  ['runs of / within a path', 'http: [{paths: [/a/b]}]', 'http', { path: '/a///b' }],
  ['the absolute form', 'http: [{paths: [/a]}]', 'http', { path: 'http://h.example/a?q' }],
  ['* in a path runs over /', 'http: [{paths: [/a/*/z]}]', 'http', { path: '/a/b/c/z' }],
  ['octets that are no UTF-8', 'http: [{paths: [/%FF]}]', 'http', { path: '/%ff' }],
  ['a pattern in UTF-8', 'http: [{paths: [/ä]}]', 'http', { path: '/%C3%A4' }],
  ['a literal star', 'http: [{paths: [/a%2Ab]}]', 'http', { path: '/a*b' }],
  ['sni', 'tls: [{sni: [a.example]}]', 'tls', { sni: 'A.EXAMPLE' }],
  [
    'a dns name without case and final dot',
    'dns: [{names: [a.example]}]',
    'dns',
    { names: ['A.example.'] },
  ],
  ['a dns type', 'dns: [{types: [AAAA]}]', 'dns', { names: ['x'], types: ['AAAA'] }],
  [
    'a dns type beside its name',
    'dns: [{names: [a], types: [A]}]',
    'dns',
    { names: ['a'], types: ['A'] },
  ],
  ['every name of a query', 'dns: [{names: [a, b]}]', 'dns', { names: ['a', 'b'] }],
  ['the root', 'dns: [{names: ["."]}]', 'dns', { names: ['.'] }],
]
for (const [name, block, app, fields] of MATCHING) {
  t.test(`L7 matches: ${name}`, async (t) => {
    t.same(verdicts(block, app, fields), [ALLOW, DENY])
  })
}

const FAILING: readonly Case[] = [
  ['another method', 'http: [{methods: [GET]}]', 'http', { method: 'POST' }],
  [
    'one of the fields',
    'http: [{methods: [GET], hosts: [a.example]}]',
    'http',
    { method: 'GET', host: 'b.example' },
  ],
  [
    'fields of two entries are not mixed',
    'http: [{methods: [GET], hosts: [a]}, {methods: [PUT], hosts: [b]}]',
    'http',
    { method: 'GET', host: 'b' },
  ],
  [
    '* needs the dot that is written',
    'http: [{hosts: ["*.example"]}]',
    'http',
    { host: 'example' },
  ],
  ['the whole string must match', 'http: [{paths: [/a]}]', 'http', { path: '/a/b' }],
  ['a prefix is no match', 'tls: [{sni: [a.example]}]', 'tls', { sni: 'a.example.evil' }],
  ['paths keep their case', 'http: [{paths: [/Admin]}]', 'http', { path: '/admin' }],
  ['a request without host', 'http: [{hosts: ["*"]}]', 'http', { path: '/' }],
  ['a ClientHello without sni', 'tls: [{sni: ["*"]}]', 'tls', { version: 'TLS 1.3' }],
  ['another type', 'dns: [{names: [a], types: [A]}]', 'dns', { names: ['a'], types: ['ANY'] }],
]
for (const [name, block, app, fields] of FAILING) {
  t.test(`L7 does not match: ${name}`, async (t) => {
    t.same(verdicts(block, app, fields), [NO_ALLOW, NO_DENY])
  })
}

/** By path, the patterns that servers in use would each go by, and one that none would. */
const READINGS: readonly (readonly [path: string, patterns: readonly string[], other: string])[] = [
  ['/x/./../admin', ['/admin', '/x/*'], '/y*'],
  ['/x/%2e%2E/admin', ['/admin', '/x/*'], '/y*'],
  ['/../../etc', ['/etc'], '/y*'],
  ['/a/b/..', ['/a/', '/a/b/*'], '/y*'],
  ['//a///b', ['/a/b', '/b'], '/y*'],
  ['//a', ['/a', '/'], '/y*'],
  ['http://h//a/b', ['/a/b', '/b'], '/y*'],
  ['/x//../y', ['/y', '/x/y', '/x/*'], '/z*'],
  ['/x/..;a=b/y', ['/y', '/x/..;a=b/y'], '/z*'],
  ['/x;a=b/../y', ['/y', '/x;a=b/*'], '/z*'],
  ['/;a/y', ['/y', '/;a/y'], '/z*'],
  ['/x;a', ['/x', '/x;a'], '/z*'],
]
for (const [path, patterns, other] of READINGS) {
  t.test(`L7, allowed by all readings, denied by any: ${path}`, async (t) => {
    const seen = (pattern: string) => verdicts(`http: [{paths: ["${pattern}"]}]`, 'http', { path })
    for (const pattern of patterns.filter((one) => !one.includes('..'))) {
      t.same(seen(pattern), [NO_ALLOW, DENY], pattern)
    }
    t.same(seen(other), [NO_ALLOW, NO_DENY], other)
    t.same(seen('/*'), [ALLOW, DENY], 'all of them')
  })
}

const AMBIGUOUS: readonly Case[] = [
  ['a backslash', 'http: [{paths: [/*]}]', 'http', { path: '/a\\..\\b' }],
  [
    'dot segments and an encoded slash',
    'http: [{paths: [/*]}]',
    'http',
    { path: '/a/../b%2f..%2fc' },
  ],
  ['two Hosts', 'http: [{hosts: ["*"]}]', 'http', { host: 'a', ambiguousHost: true }],
  [
    'the list of ambiguous fields',
    'http: [{hosts: ["*"]}]',
    'http',
    { host: 'a', ambiguous: ['host'] },
  ],
  [
    'a malformed request (CL with TE)',
    'http: [{methods: [GET]}]',
    'http',
    { method: 'GET', malformed: true },
  ],
  ['a malformed request and an entry without fields', 'http: [{}]', 'http', { malformed: true }],
  ['a malformed ClientHello', 'tls: [{sni: [a]}]', 'tls', { sni: 'b', malformed: true }],
  ['a malformed query', 'dns: [{names: [a]}]', 'dns', { names: ['b'], malformed: true }],
  ['an ambiguous name', 'dns: [{names: [a]}]', 'dns', { names: ['b'], ambiguousNames: true }],
  ['% without two digits', 'http: [{paths: [/*]}]', 'http', { path: '/%zz' }],
  ['% at the end', 'http: [{paths: [/*]}]', 'http', { path: '/a%' }],
  ['an encoded NUL', 'http: [{paths: [/*]}]', 'http', { path: '/a%00.png' }],
  ['raw octets above ASCII', 'http: [{paths: [/*]}]', 'http', { path: '/ä' }],
  ['a fragment in a target', 'http: [{paths: [/*]}]', 'http', { path: '/a#b' }],
  ['user information in Host', 'http: [{hosts: ["*"]}]', 'http', { host: 'a@b' }],
  ['a space in Host', 'http: [{hosts: ["*"]}]', 'http', { host: 'a b' }],
  ['no address in brackets', 'http: [{hosts: ["*"]}]', 'http', { host: '[1::2::3]' }],
  ['a path in Host', 'http: [{hosts: ["*"]}]', 'http', { host: 'a/b' }],
  ['an empty label in Host', 'http: [{hosts: ["*"]}]', 'http', { host: 'a..b' }],
  ['two final dots in Host', 'http: [{hosts: ["*"]}]', 'http', { host: 'a..' }],
  ['percent-encoding in Host', 'http: [{hosts: ["*"]}]', 'http', { host: '%61' }],
]
for (const [name, block, app, fields] of AMBIGUOUS) {
  t.test(`L7, no allow rule and every deny rule: ${name}`, async (t) => {
    t.same(verdicts(block, app, fields), [NO_ALLOW, DENY])
  })
}

t.test('an ambiguous field that a rule does not ask for does not matter to it', async (t) => {
  const fields = { method: 'GET', host: 'a', ambiguousHost: true }
  t.same(verdicts('http: [{methods: [GET]}]', 'http', fields), [ALLOW, DENY])
  const post = { ...fields, method: 'POST' }
  t.same(verdicts('http: [{methods: [GET], hosts: [b]}]', 'http', post), [NO_ALLOW, NO_DENY])
})

t.test('methods: exactly to allow, without case to deny', async (t) => {
  t.same(verdicts('http: [{methods: [GET]}]', 'http', { method: 'get' }), [NO_ALLOW, DENY])
})

t.test(
  'a field that has not come yet leaves the rule open, one that fails closes it',
  async (t) => {
    const block = 'http: [{methods: [GET], hosts: [a]}]'
    t.same(verdicts(block, 'http', {}, false), ['undecided tx', 'undecided tx'])
    t.same(verdicts(block, 'http', { method: 'GET' }, false), ['undecided tx', 'undecided tx'])
    t.same(verdicts(block, 'http', { method: 'PUT' }, false), [NO_ALLOW, NO_DENY])
    t.same(verdicts(block, 'http', { method: 'GET', host: 'a' }, false), [ALLOW, DENY])
    t.same(verdicts('dns: [{names: [a]}]', 'dns', {}, false), ['undecided tx', 'undecided tx'])
  },
)

t.test('several names in one query: all must be allowed, one denied denies', async (t) => {
  const query = { names: ['a', 'b'], types: ['A', 'A'] }
  t.same(verdicts('dns: [{names: [a]}]', 'dns', query), [NO_ALLOW, DENY])
  t.same(verdicts('dns: [{names: [b]}]', 'dns', query), [NO_ALLOW, DENY])
})

t.test(
  'several names: each may be allowed by another rule, types stay with their names',
  async (t) => {
    const policies = compiledOf(
      policy(
        'p',
        `podSelector: {}
ingress: [{name: a, dns: [{names: [a], types: [A]}]}, {name: b, dns: [{names: [b], types: [MX]}]}]`,
      ),
    )
    const ask = (types: readonly string[]) =>
      verdictOf(policies, toWeb(STRANGER, 53, 17), {
        app: 'dns',
        tx: { app: 'dns', fields: { names: ['a', 'b'], types }, complete: true },
      })
    t.equal(ask(['A', 'MX']), 'allow shop/p/a')
    t.equal(ask(['MX', 'A']), NO_ALLOW)
  },
)

t.test('a transaction of an earlier app says nothing of the app now', async (t) => {
  const policies = compiledOf(policy('p', 'podSelector: {}\ningress: [{tls: [{sni: [a]}]}]'))
  const tx = { app: 'http', fields: { host: 'a' }, complete: true }
  t.equal(verdictOf(policies, toWeb(STRANGER), { app: 'tls', tx }), 'undecided tx')
})

t.test('a block of one app does not match another: encrypted HTTP is tls', async (t) => {
  t.same(verdicts('http: [{hosts: [a]}]', 'tls', { sni: 'a' }), [NO_ALLOW, NO_DENY])
})
