/**
 * The blocks of a rule, one row a field: schema, compilation, matching and the table of
 * docs/policy.md follow from it.
 */
import { dnsName, dnsType, type FieldKind, host, method, path } from './field-kind.js'

export interface BlockField {
  /** In a policy. */
  readonly key: string
  /** In a transaction; of a list each element is judged. */
  readonly fact: string
  readonly kind: FieldKind
  /** Of a transaction that has one element only and says so. */
  readonly singular?: string
  /** For docs/policy.md. */
  readonly compared: string
}

export interface Block {
  readonly key: string
  /** It can match transactions of these. */
  readonly apps: readonly string[]
  readonly fields: readonly BlockField[]
}

const TABLE = [
  {
    key: 'http',
    apps: ['http'],
    fields: [
      {
        ...{ key: 'methods', fact: 'method', kind: method },
        compared: 'as sent; a rule that denies also denies other spellings (`get`)',
      },
      {
        ...{ key: 'hosts', fact: 'host', kind: host },
        compared: 'lower case, without port and final dot; IPv6 in `[]`',
      },
      {
        ...{ key: 'paths', fact: 'path', kind: path },
        compared:
          'without query, percent-decoded once, dot segments and runs of `/` removed; write `%2A` for a literal star',
      },
    ],
  },
  {
    key: 'tls',
    apps: ['tls'],
    fields: [{ key: 'sni', fact: 'sni', kind: host, compared: 'as hosts' }],
  },
  {
    key: 'dns',
    apps: ['dns'],
    fields: [
      {
        ...{ key: 'names', fact: 'names', kind: dnsName, singular: 'name' },
        compared: 'lower case, without final dot',
      },
      {
        ...{ key: 'types', fact: 'types', kind: dnsType, singular: 'type' },
        compared: '`A`, `AAAA`, `MX`, `TYPE65` …',
      },
    ],
  },
] as const satisfies readonly Block[]

export type BlockKey = (typeof TABLE)[number]['key']
export const BLOCKS: readonly (Block & { readonly key: BlockKey })[] = TABLE
export const BLOCK_KEYS: readonly BlockKey[] = BLOCKS.map(({ key }) => key)

/** What compiled policies say in place of a field: they are plain data. */
export const BLOCK_FIELDS: readonly BlockField[] = BLOCKS.flatMap(({ fields }) => fields)

const BY_KEY: ReadonlyMap<string, Block> = new Map(BLOCKS.map((block) => [block.key, block]))

export function blockOf(key: BlockKey): Block {
  const block = BY_KEY.get(key)
  if (block === undefined) throw new RangeError(`block ${key}`)
  return block
}
