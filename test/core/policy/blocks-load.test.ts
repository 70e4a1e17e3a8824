/** What a block may say in a document, and where its mistakes are shown. */
import t from 'tap'
import { loadPolicySet } from '../../../src/core/policy/load.js'
import { formatDocumentError } from '../../../src/core/yaml-document.js'
import { policy } from './fixture.js'

function errorsOf(block: string): string[] {
  const text = policy('p', `podSelector: {}\ningress:\n- ${block}`)
  const load = loadPolicySet([{ path: 'p.yaml', text }])
  return load.ok ? [] : load.errors.map(formatDocumentError)
}

const AT = 'spec.ingress[0]'
/** The rule begins in line 7, column 5. */
const ERRORS: readonly (readonly [string, string, string])[] = [
  [
    'apps: [grpc]',
    `7:12: ${AT}.apps[0]: grpc is http to policy: use a grpc block, as grpc: [{}]`,
    'gRPC is no app',
  ],
  [
    'apps: [redis, sql]',
    `7:19: ${AT}.apps[1]: sql is mysql or postgresql to policy: use a sql block, as sql: [{}]`,
    'SQL is no app',
  ],
  [
    '{apps: [mysql], redis: [{}]}',
    `7:21: ${AT}.redis: can match nothing: apps lacks redis; add it there or leave apps out`,
    'a block of another app',
  ],
  [
    '{apps: [http], tls: [{}]}',
    `7:20: ${AT}.tls: can match nothing: apps lacks tls or quic; add it there or leave apps out`,
    'a block of two apps',
  ],
  [
    'sql: [{tables: []}]',
    `7:12: ${AT}.sql[0].tables: an empty list matches nothing: leave the key out for any`,
    'an empty list',
  ],
  [
    'sql: [{table: [a]}]',
    `7:12: ${AT}.sql[0].table: unknown key: correct its spelling or remove it`,
    'an unknown field',
  ],
  [
    'sql: [{tables: [a.b.c]}]',
    `7:21: ${AT}.sql[0].tables[0]: write a table, schema.table or *, without white space`,
    'a table of a database',
  ],
  [
    'tls: [{minVersion: 1.2}]',
    `7:12: ${AT}.tls[0].minVersion: must be text, found number: put it in quotes`,
    'a version without quotes',
  ],
  [
    'tls: [{minVersion: "1.1"}]',
    `7:12: ${AT}.tls[0].minVersion: use "1.2" or "1.3", in quotes`,
    'a version that is no choice',
  ],
  [
    'mqtt: [{topics: [a/#/b]}]',
    `7:22: ${AT}.mqtt[0].topics[0]: # is the last level`,
    '# amid a filter',
  ],
  [
    'mqtt: [{topics: [a/b+]}]',
    `7:22: ${AT}.mqtt[0].topics[0]: b+: + and # fill a whole level`,
    '+ amid a level',
  ],
  [
    'redis: [{commands: [A B C]}]',
    `7:25: ${AT}.redis[0].commands[0]: a command is one or two words, as GET or "CONFIG GET", or *`,
    'three words',
  ],
  [
    'ssh: [{hassh: [xyz]}]',
    `7:20: ${AT}.ssh[0].hassh[0]: write hexadecimal digits, or * for any run of them`,
    'no digest',
  ],
  [
    'kafka: [{topics: [""]}]',
    `7:23: ${AT}.kafka[0].topics[0]: empty or with control characters: write a topic, or *`,
    'an empty topic',
  ],
  [
    'http: [{headers: [{name: "x:", present: true}]}]',
    `7:24: ${AT}.http[0].headers[0].name: a header name is a token, as x-tenant, without colon`,
    'a header name with its colon',
  ],
  [
    'http: [{headers: [{name: x, present: true, equals: a}]}]',
    `7:23: ${AT}.http[0].headers[0]: write present: true, present: false or equals: VALUE, one of them`,
    'both conditions',
  ],
  [
    'http: [{headers: [{name: x}]}]',
    `7:23: ${AT}.http[0].headers[0]: write present: true, present: false or equals: VALUE, one of them`,
    'no condition',
  ],
  [
    'http: [{headers: [{name: x, equals: " a"}]}]',
    `7:33: ${AT}.http[0].headers[0].equals: a value is printable ASCII without spaces around it`,
    'spaces around a value',
  ],
  [
    'grpc: [{services: [a], paths: [/a]}]',
    `7:28: ${AT}.grpc[0].paths: unknown key: correct its spelling or remove it`,
    'a field of another block',
  ],
]
for (const [block, error, what] of ERRORS) {
  t.test(`refused: ${what}`, async (t) => {
    t.same(errorsOf(block), [`p.yaml:${error}`])
  })
}

t.test('taken', async (t) => {
  const blocks = [
    '{apps: [mysql], sql: [{tables: [a]}]}',
    'amqp: [{exchanges: [""]}]',
    'http: [{headers: [{name: X-A, equals: "a b"}, {name: x-b, present: false}]}]',
    'mqtt: [{topics: ["#", "+/a/*", a/#]}]',
    'redis: [{commands: [CONFIG GET]}]',
  ]
  for (const block of blocks) t.same(errorsOf(block), [], block)
})
