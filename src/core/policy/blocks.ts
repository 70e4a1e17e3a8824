/**
 * The blocks of a rule, one row a field: schema, compilation, matching and the table of
 * docs/policy.md follow from it.
 */
import type { Fields } from '../inspect/contract.js'
import {
  amqpName,
  caseless,
  dnsName,
  dnsType,
  exact,
  type FieldKind,
  hexadecimal,
  host,
  method,
  mqttTopic,
  path,
  redisCommand,
  sqlTable,
  tlsVersion,
} from './field-kind.js'

export interface BlockField {
  /** In a policy. */
  readonly key: string
  /** In a transaction; of a list each element is judged. */
  readonly fact: string
  readonly kind: FieldKind
  /** For docs/policy.md. */
  readonly compared: string
  /** A single pattern in place of a list. */
  readonly isSingle?: true
  /** Where it is made of several facts, or has several names. */
  readonly facts?: readonly string[]
  readonly read?: (fields: Fields, app: string) => readonly string[]
  /** The reply may say it anew. */
  readonly isInReply?: true
}

export interface Block {
  readonly key: string
  /** It can match transactions of these. */
  readonly apps: readonly string[]
  readonly fields: readonly BlockField[]
  /** Key of the field without which a transaction is none of the block's. */
  readonly needs?: string
  /** Key of the field that header fields are asked for by. */
  readonly headers?: BlockField
}

type More = Omit<BlockField, 'key' | 'fact' | 'kind' | 'compared'>

function field(
  key: string,
  fact: string,
  kind: FieldKind,
  compared: string,
  more: More = {},
): BlockField {
  return { key, fact, kind, compared, ...more }
}

const NONE: readonly string[] = []

export function textsOf(fields: Fields, fact: string): readonly string[] {
  const value = Object.hasOwn(fields, fact) ? fields[fact] : undefined
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value : NONE
}

/** The first of several names of one fact that is there. */
function named(...facts: readonly [string, ...string[]]): More {
  const read = (fields: Fields): readonly string[] =>
    textsOf(fields, facts.find((fact) => Object.hasOwn(fields, fact)) ?? facts[0])
  return { facts, read }
}

/** `CONFIG GET` is command and subcommand. */
function commandOf(fields: Fields): readonly string[] {
  const [subcommand] = textsOf(fields, 'subcommand')
  const commands = textsOf(fields, 'command')
  return subcommand === undefined ? commands : commands.map((each) => `${each} ${subcommand}`)
}

/** RFC 4253 §4.2, as the client sends it. */
function identification(fields: Fields): readonly string[] {
  const [version] = textsOf(fields, 'version')
  const [software] = textsOf(fields, 'software')
  return version === undefined || software === undefined ? NONE : [`SSH-${version}-${software}`]
}

/** In MySQL a table without schema is of the current database, which the connection knows. */
function tablesOf(fields: Fields, app: string): readonly string[] {
  const tables = textsOf(fields, 'tables')
  const [database] = app === 'mysql' ? textsOf(fields, 'database') : NONE
  if (database === undefined || database === '') return tables
  return tables.map((table) => (table.includes('.') ? table : `${database}.${table}`))
}

const AS_SENT = 'as sent'
const CASELESS = 'without case'

const TABLE = {
  http: {
    apps: ['http'],
    fields: [
      field(
        ...(['methods', 'method', method] as const),
        'as sent; a rule that denies also denies other spellings (`get`)',
      ),
      field('hosts', 'host', host, 'lower case, without port and final dot; IPv6 in `[]`'),
      field(
        ...(['paths', 'path', path] as const),
        'without query, percent-decoded once, dot segments and runs of `/` removed ([readings](#paths-that-servers-read-differently)); write `%2A` for a literal star',
      ),
    ],
    headers: field(
      ...(['headers', 'header', exact('a value')] as const),
      '`{name, present: true\\|false}` or `{name, equals}`; all must hold; names without case, values as sent, without stars',
    ),
  },
  grpc: {
    apps: ['http'],
    fields: [
      field(
        'services',
        'grpcService',
        exact('package.Service'),
        'as sent, with package: `shop.Cart`',
      ),
      field('methods', 'grpcMethod', exact('a method'), AS_SENT),
    ],
    needs: 'services',
  },
  tls: {
    apps: ['tls', 'quic'],
    fields: [
      field('sni', 'sni', host, 'as hosts'),
      field('alpn', 'alpn', exact('a protocol, as h2'), 'each protocol that the client offers'),
      field(
        ...(['minVersion', 'version', tlsVersion] as const),
        'one of `"1.2"`, `"1.3"`: what the client offers at best, then what the server picks',
        { isSingle: true, isInReply: true, ...named('version', 'maxVersion') },
      ),
      field('ja4', 'ja4', exact('a JA4 fingerprint'), AS_SENT),
    ],
  },
  dns: {
    apps: ['dns'],
    fields: [
      field('names', 'names', dnsName, 'lower case, without final dot', named('names', 'name')),
      field('types', 'types', dnsType, '`A`, `AAAA`, `MX`, `TYPE65` …', named('types', 'type')),
    ],
  },
  sql: {
    apps: ['mysql', 'postgresql'],
    fields: [
      field(
        'verbs',
        'verb',
        caseless('a verb, as SELECT'),
        `${CASELESS}: \`SELECT\`, \`INSERT\` …`,
      ),
      field(
        ...(['tables', 'tables', sqlTable] as const),
        'lower case; without a dot the table in any schema, with one `schema.table`',
        { facts: ['tables'], read: tablesOf },
      ),
    ],
  },
  redis: {
    apps: ['redis'],
    fields: [
      field(
        ...(['commands', 'command', redisCommand] as const),
        'without case: `GET`, `CONFIG GET`; one word is the command with any subcommand',
        { facts: ['command', 'subcommand'], read: commandOf },
      ),
      field('keys', 'keys', exact('a key'), AS_SENT),
    ],
  },
  mongodb: {
    apps: ['mongodb'],
    fields: [
      field('commands', 'command', caseless('a command, as find'), CASELESS),
      field('collections', 'collection', exact('a collection'), AS_SENT),
      field('databases', 'database', exact('a database'), AS_SENT),
    ],
  },
  kafka: {
    apps: ['kafka'],
    fields: [
      field('apis', 'api', caseless('an API, as Produce'), `${CASELESS}: \`Produce\`, \`Fetch\` …`),
      field('topics', 'topics', exact('a topic'), AS_SENT),
      field('clientIds', 'clientId', exact('a client id'), AS_SENT),
    ],
  },
  mqtt: {
    apps: ['mqtt'],
    fields: [
      field('packets', 'packet', caseless('a packet, as PUBLISH'), `${CASELESS}: \`PUBLISH\` …`),
      field(
        ...(['topics', 'topics', mqttTopic] as const),
        'as MQTT filters, with `+` and `#`; a subscription is allowed by a pattern that covers all of it and denied by one that shares a topic with it',
      ),
    ],
  },
  amqp: {
    apps: ['amqp'],
    fields: [
      field('methods', 'method', caseless('a method, as basic.publish'), '`basic.publish` …'),
      field('exchanges', 'exchange', amqpName, "as sent; `''` is the default exchange"),
      field('routingKeys', 'routingKey', amqpName, AS_SENT),
      field('queues', 'queue', amqpName, AS_SENT),
    ],
  },
  ssh: {
    apps: ['ssh'],
    fields: [
      field(
        ...(['versions', 'version', exact('SSH-2.0-*')] as const),
        "the client's line without comment: `SSH-2.0-OpenSSH_9.6`",
        { facts: ['version', 'software'], read: identification },
      ),
      field('hassh', 'hassh', hexadecimal, "the client's HASSH, 32 hexadecimal digits"),
    ],
  },
} as const satisfies Readonly<Record<string, Omit<Block, 'key'>>>

export type BlockKey = keyof typeof TABLE
type KeyedBlock = Block & { readonly key: BlockKey }

export const BLOCKS: readonly KeyedBlock[] = Object.entries(TABLE).map(([key, block]) => ({
  ...block,
  key: key as BlockKey,
}))

/** What compiled policies say in place of a field: they are plain data. */
export const BLOCK_FIELDS: readonly BlockField[] = BLOCKS.flatMap(({ fields, headers }) =>
  headers === undefined ? fields : [...fields, headers],
)

const BY_KEY: ReadonlyMap<string, Block> = new Map(BLOCKS.map((block) => [block.key, block]))

export function blockOf(key: BlockKey): Block {
  const block = BY_KEY.get(key)
  if (block === undefined) throw new RangeError(`block ${key}`)
  return block
}
