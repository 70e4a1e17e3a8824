/** Every block: what it allows, denies, waits for and cannot tell. */
import t from 'tap'
import type { Fields } from '../../../src/core/inspect/contract.js'
import { compiledOf, policy, STRANGER, toWeb, verdictOf } from './fixture.js'

const OUTCOMES = {
  matches: ['allow shop/p/rule', 'deny shop/p/rule'],
  fails: ['deny default-deny', 'allow shop/p/else'],
  ambiguous: ['deny default-deny', 'deny shop/p/rule'],
  waits: ['undecided tx', 'undecided tx'],
} as const
type Outcome = keyof typeof OUTCOMES
type Case = readonly [outcome: Outcome, block: string, app: string, fields: Fields, what: string]

function verdicts(block: string, app: string, fields: Fields, complete: boolean): string[] {
  const rule = (more: string) => `{name: rule, ${block}${more}}`
  const allowing = compiledOf(policy('p', `podSelector: {}\ningress: [${rule('')}]`))
  const denying = compiledOf(
    policy('p', `podSelector: {}\ningress: [${rule(', action: deny')}, {name: else}]`),
  )
  const facts = { app, tx: { app, fields, complete } }
  return [allowing, denying].map((policies) => verdictOf(policies, toWeb(STRANGER), facts))
}

const TENANT = 'http: [{headers: [{name: X-Tenant, equals: acme}]}]'
const TWO_HEADERS =
  'http: [{methods: [GET], headers: [{name: x-a, present: true}, {name: x-b, present: false}]}]'
const HTTP: readonly Case[] = [
  ['matches', TENANT, 'http', { 'header.x-tenant': 'acme' }, 'a value'],
  ['fails', TENANT, 'http', { 'header.x-tenant': 'ACME' }, 'a value in capitals'],
  ['fails', TENANT, 'http', { 'header.x-tenant': 'acme, evil' }, 'more than the value'],
  ['fails', TENANT, 'http', { method: 'GET' }, 'no such header'],
  ['waits', TENANT, 'http', { method: 'GET' }, 'a header to come'],
  [
    ...(['ambiguous', TENANT, 'http'] as const),
    { 'header.x-tenant': 'acme', ambiguous: ['header.x-tenant'] },
    'two values',
  ],
  ['matches', TWO_HEADERS, 'http', { method: 'GET', 'header.x-a': '' }, 'all hold'],
  ['fails', TWO_HEADERS, 'http', { method: 'GET' }, 'one is missing'],
  [
    ...(['fails', TWO_HEADERS, 'http'] as const),
    { method: 'GET', 'header.x-a': '', 'header.x-b': '' },
    'one is there that may not',
  ],
  ['fails', TWO_HEADERS, 'http', { method: 'PUT', 'header.x-a': '1' }, 'another method'],
]

const CART = 'grpc: [{services: ["shop.*"], methods: [Get, List]}]'
const GRPC: readonly Case[] = [
  ['matches', CART, 'http', { grpcService: 'shop.Cart', grpcMethod: 'Get' }, 'service and method'],
  ['fails', CART, 'http', { grpcService: 'shop.Cart', grpcMethod: 'Put' }, 'another method'],
  ['fails', CART, 'http', { grpcService: 'bank.Cart', grpcMethod: 'Get' }, 'another service'],
  ['fails', 'grpc: [{}]', 'http', { method: 'POST', path: '/' }, 'plain HTTP'],
  ['matches', 'grpc: [{}]', 'http', { grpcService: 'a', grpcMethod: 'b' }, 'any gRPC'],
  ['waits', 'grpc: [{}]', 'http', { method: 'POST' }, 'not told yet'],
  ['ambiguous', 'grpc: [{}]', 'http', { ambiguous: ['grpcService'] }, 'doubtful'],
]

const TLS: readonly Case[] = [
  ['matches', 'tls: [{alpn: [h2, http/1.1]}]', 'tls', { alpn: ['h2', 'http/1.1'] }, 'all offered'],
  ['matches', 'tls: [{alpn: [h3]}]', 'quic', { alpn: ['h3'] }, 'QUIC'],
  ['fails', 'tls: [{alpn: [h2]}]', 'tls', { sni: 'a' }, 'no ALPN'],
  ['matches', 'tls: [{minVersion: "1.2"}]', 'tls', { maxVersion: '1.3' }, 'above'],
  ['matches', 'tls: [{minVersion: "1.2"}]', 'tls', { maxVersion: '1.2' }, 'just'],
  ['fails', 'tls: [{minVersion: "1.2"}]', 'tls', { maxVersion: '1.1' }, 'below'],
  ['fails', 'tls: [{minVersion: "1.2"}]', 'tls', { maxVersion: 'SSL 3.0' }, 'far below'],
  [
    ...(['fails', 'tls: [{minVersion: "1.3"}]', 'tls'] as const),
    { maxVersion: '1.3', version: '1.2' },
    'offered, not picked',
  ],
  ['ambiguous', 'tls: [{minVersion: "1.2"}]', 'tls', { maxVersion: '0x7f1c' }, 'no known version'],
  ['waits', 'tls: [{minVersion: "1.2"}]', 'tls', {}, 'not told yet'],
  ['matches', 'tls: [{ja4: ["t13d*"]}]', 'tls', { ja4: 't13d1516h2_8daaf6152771_e5' }, 'JA4'],
  ['fails', 'tls: [{ja4: ["t12*"]}]', 'tls', { ja4: 't13d1516h2_8daaf6152771_e5' }, 'JA4'],
  ['ambiguous', 'tls: [{ja4: ["t12*"]}]', 'tls', { ambiguous: ['ja4'] }, 'JA4'],
]

const ORDERS = 'sql: [{verbs: [select], tables: [orders, "bill.*"]}]'
const SQL: readonly Case[] = [
  ['matches', ORDERS, 'postgresql', { verb: 'SELECT', tables: ['orders'] }, 'verb and table'],
  ['matches', ORDERS, 'mysql', { verb: 'SELECT', tables: ['shop.orders'] }, 'any schema'],
  ['matches', ORDERS, 'mysql', { verb: 'SELECT', tables: ['bill.due', 'orders'] }, 'each of two'],
  ['fails', ORDERS, 'postgresql', { verb: 'DELETE', tables: ['orders'] }, 'another verb'],
  ['fails', ORDERS, 'postgresql', { verb: 'SELECT', tables: ['shop.users'] }, 'another table'],
  ['fails', ORDERS, 'postgresql', { verb: 'SELECT', tables: ['orders.users'] }, 'as a schema'],
  ['fails', ORDERS, 'postgresql', { verb: 'SELECT', tables: [] }, 'no table'],
  ['matches', 'sql: [{verbs: [SELECT]}]', 'mysql', { verb: 'SELECT', tables: [] }, 'verb alone'],
  ['waits', ORDERS, 'mysql', { verb: 'SELECT' }, 'tables to come'],
  ['ambiguous', ORDERS, 'mysql', { verb: 'SELECT', ambiguous: ['tables'] }, 'tables unclear'],
  [
    ...(['ambiguous', 'sql: [{tables: [bill.due]}]', 'postgresql'] as const),
    { tables: ['due'] },
    'a schema that is not said',
  ],
  ['fails', 'sql: [{tables: [bill.due]}]', 'postgresql', { tables: ['users'] }, 'in no schema'],
  [
    ...(['matches', 'sql: [{tables: [bill.due]}]', 'mysql'] as const),
    { tables: ['due'], database: 'BILL' },
    'the current database',
  ],
  ['matches', 'sql: [{tables: ["*.due"]}]', 'postgresql', { tables: ['due'] }, 'any schema, said'],
  ['matches', 'sql: [{tables: ["*"]}]', 'postgresql', { tables: ['a.b'] }, 'any table'],
]

const CONFIG = 'redis: [{commands: [config get, "G*"]}]'
const REDIS: readonly Case[] = [
  [
    'matches',
    'redis: [{commands: [get], keys: ["a:*"]}]',
    'redis',
    { command: 'GET', keys: ['a:1'] },
    'both',
  ],
  [
    'fails',
    'redis: [{commands: [get], keys: ["a:*"]}]',
    'redis',
    { command: 'GET', keys: ['b'] },
    'key',
  ],
  ['fails', 'redis: [{keys: ["*"]}]', 'redis', { command: 'PING', keys: [] }, 'no key'],
  ['matches', CONFIG, 'redis', { command: 'CONFIG', subcommand: 'GET' }, 'subcommand'],
  ['fails', CONFIG, 'redis', { command: 'CONFIG', subcommand: 'SET' }, 'another subcommand'],
  ['fails', CONFIG, 'redis', { command: 'CONFIG' }, 'no subcommand'],
  [
    'matches',
    'redis: [{commands: [CONFIG]}]',
    'redis',
    { command: 'CONFIG', subcommand: 'SET' },
    'one word',
  ],
  ['ambiguous', CONFIG, 'redis', { command: 'X', ambiguous: ['subcommand'] }, 'subcommand unclear'],
  ['waits', CONFIG, 'redis', {}, 'not told yet'],
]

const FIND = 'mongodb: [{commands: [find, aggregate], collections: [orders], databases: [shop]}]'
const MONGODB: readonly Case[] = [
  ['matches', FIND, 'mongodb', { command: 'find', collection: 'orders', database: 'shop' }, 'all'],
  [
    'fails',
    FIND,
    'mongodb',
    { command: 'drop', collection: 'orders', database: 'shop' },
    'command',
  ],
  [
    'fails',
    FIND,
    'mongodb',
    { command: 'find', collection: 'users', database: 'shop' },
    'collection',
  ],
  [
    'fails',
    FIND,
    'mongodb',
    { command: 'find', collection: 'orders', database: 'bank' },
    'database',
  ],
  [
    'matches',
    'mongodb: [{commands: [isMaster]}]',
    'mongodb',
    { command: 'ismaster' },
    'an old spelling',
  ],
  ['fails', FIND, 'mongodb', { command: 'find', database: 'shop' }, 'no collection'],
  ['waits', FIND, 'mongodb', { command: 'find' }, 'collection to come'],
]

const FETCH = 'kafka: [{apis: [Produce, Fetch], topics: ["orders.*"]}]'
const KAFKA: readonly Case[] = [
  ['matches', FETCH, 'kafka', { api: 'Fetch', topics: ['orders.eu', 'orders.us'] }, 'each topic'],
  ['fails', FETCH, 'kafka', { api: 'DeleteTopics', topics: ['orders.eu'] }, 'another API'],
  ['fails', FETCH, 'kafka', { api: 'Metadata' }, 'no topic'],
  ['matches', 'kafka: [{clientIds: ["shop-*"]}]', 'kafka', { clientId: 'shop-1' }, 'client id'],
  ['ambiguous', FETCH, 'kafka', { api: 'Fetch', ambiguous: ['topics'] }, 'topics unclear'],
  ['waits', FETCH, 'kafka', { api: 'Fetch' }, 'topics to come'],
]

const SENSORS = 'mqtt: [{packets: [SUBSCRIBE, PUBLISH], topics: ["sensors/+/temp", "status/*"]}]'
const MQTT: readonly Case[] = [
  ['matches', SENSORS, 'mqtt', { packet: 'PUBLISH', topics: ['sensors/1/temp'] }, 'a topic'],
  ['matches', SENSORS, 'mqtt', { packet: 'PUBLISH', topics: ['status/a/b'] }, 'a glob'],
  ['fails', SENSORS, 'mqtt', { packet: 'PUBLISH', topics: ['sensors/1/2/temp'] }, 'a level more'],
  ['fails', SENSORS, 'mqtt', { packet: 'CONNECT' }, 'another packet'],
  [
    'matches',
    SENSORS,
    'mqtt',
    { packet: 'SUBSCRIBE', topics: ['sensors/+/temp', 'status/+'] },
    'covered',
  ],
  ['ambiguous', SENSORS, 'mqtt', { packet: 'SUBSCRIBE', topics: ['#'] }, 'everything'],
  [
    'ambiguous',
    SENSORS,
    'mqtt',
    { packet: 'SUBSCRIBE', topics: ['sensors/#'] },
    'more than allowed',
  ],
  ['ambiguous', SENSORS, 'mqtt', { packet: 'SUBSCRIBE', topics: ['$share/g/#'] }, 'shared'],
  ['matches', SENSORS, 'mqtt', { packet: 'SUBSCRIBE', topics: ['$share/g/status/a'] }, 'shared'],
  ['fails', SENSORS, 'mqtt', { packet: 'SUBSCRIBE', topics: ['other/+'] }, 'elsewhere'],
  ['ambiguous', SENSORS, 'mqtt', { packet: 'PUBLISH', topics: ['a'.repeat(1025)] }, 'too long'],
  ['ambiguous', SENSORS, 'mqtt', { packet: 'SUBSCRIBE', topics: ['a#'] }, 'no filter'],
]

const PUBLISH = 'amqp: [{methods: [basic.publish], exchanges: [""], routingKeys: ["jobs.*"]}]'
const AMQP: readonly Case[] = [
  [
    'matches',
    PUBLISH,
    'amqp',
    { method: 'basic.publish', exchange: '', routingKey: 'jobs.1' },
    'all',
  ],
  [
    'fails',
    PUBLISH,
    'amqp',
    { method: 'basic.publish', exchange: 'x', routingKey: 'jobs.1' },
    'exchange',
  ],
  [
    'fails',
    PUBLISH,
    'amqp',
    { method: 'basic.publish', exchange: '', routingKey: 'x' },
    'routing key',
  ],
  ['fails', PUBLISH, 'amqp', { method: 'queue.delete', queue: 'jobs' }, 'method'],
  [
    'matches',
    'amqp: [{methods: ["basic.*"], queues: [jobs]}]',
    'amqp',
    { method: 'basic.get', queue: 'jobs' },
    'queue',
  ],
  ['waits', PUBLISH, 'amqp', { method: 'basic.publish' }, 'exchange to come'],
]

const OPENSSH = 'ssh: [{versions: ["SSH-2.0-OpenSSH_9*"]}]'
const HASSH = 'ec7378c1a92f5a8dde7e8b7a1ddf33d1'
const SSH: readonly Case[] = [
  ['matches', OPENSSH, 'ssh', { version: '2.0', software: 'OpenSSH_9.6' }, 'version'],
  ['fails', OPENSSH, 'ssh', { version: '2.0', software: 'libssh_0.9' }, 'other software'],
  ['fails', OPENSSH, 'ssh', { version: '1.99', software: 'OpenSSH_9.6' }, 'other version'],
  ['matches', `ssh: [{hassh: [${HASSH.toUpperCase()}]}]`, 'ssh', { hassh: HASSH }, 'HASSH'],
  [
    'waits',
    `ssh: [{hassh: [${HASSH}]}]`,
    'ssh',
    { version: '2.0', software: 'x' },
    'HASSH to come',
  ],
  ['ambiguous', OPENSSH, 'ssh', { ambiguous: ['software'] }, 'software unclear'],
]

const ALL = { HTTP, GRPC, TLS, SQL, REDIS, MONGODB, KAFKA, MQTT, AMQP, SSH }
for (const [block, cases] of Object.entries(ALL)) {
  t.test(`block ${block}`, async (t) => {
    for (const [outcome, rule, app, fields, what] of cases) {
      const got = verdicts(rule, app, fields, outcome !== 'waits')
      t.same(got, OUTCOMES[outcome], `${outcome}: ${what}`)
    }
  })
}

/** Of several things, one that no rule allows and one that a rule denies. */
const LISTS: readonly (readonly [string, string, Fields])[] = [
  ['tls: [{alpn: [h2]}]', 'tls', { alpn: ['h2', 'http/1.1'] }],
  ['sql: [{tables: [a]}]', 'mysql', { verb: 'SELECT', tables: ['a', 'b'] }],
  ['redis: [{keys: [a]}]', 'redis', { command: 'DEL', keys: ['b', 'a'] }],
  ['kafka: [{topics: [a]}]', 'kafka', { api: 'Fetch', topics: ['a', 'b'] }],
  ['mqtt: [{topics: [a]}]', 'mqtt', { packet: 'SUBSCRIBE', topics: ['b', 'a'] }],
]
t.test('all must be allowed, one denied denies', async (t) => {
  for (const [block, app, fields] of LISTS) {
    t.same(verdicts(block, app, fields, true), OUTCOMES.ambiguous, block)
  }
})

t.test('each of several things may be allowed by another rule', async (t) => {
  const rules = '[{name: a, kafka: [{topics: [a]}]}, {name: b, kafka: [{topics: [b]}]}]'
  const policies = compiledOf(policy('p', `podSelector: {}\ningress: ${rules}`))
  const ask = (topics: readonly string[]) => {
    const tx = { app: 'kafka', fields: { api: 'Fetch', topics }, complete: true }
    return verdictOf(policies, toWeb(STRANGER), { app: 'kafka', tx })
  }
  t.match(ask(['a', 'b']), /^allow/)
  t.equal(ask(['a', 'b', 'c']), 'deny default-deny')
})

t.test('a malformed transaction matches no allow rule and every deny rule', async (t) => {
  for (const [block, app] of LISTS) {
    t.same(verdicts(block, app, { malformed: true }, true), OUTCOMES.ambiguous, block)
  }
})
