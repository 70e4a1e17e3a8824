/**
 * Blocks against whole transactions a second time, from docs/policy.md and not from the table: one
 * row a field says what text of a transaction its patterns are held against.
 */
import type { Fields } from '../../../src/core/inspect/contract.js'
import type { BlockEntry, PolicyRule } from '../../../src/core/policy/model.js'
import { BLOCK_APPS } from './oracle.js'

interface Case {
  readonly app: string
  /** Of one of the things that the transaction names. */
  readonly fields: Readonly<Record<string, string>>
  readonly ambiguous: readonly string[]
}

/** The names of facts, and how a pattern holds for what they say. */
type Reading = readonly [
  facts: readonly string[],
  holds: (pattern: string, fields: Case['fields'], deny: boolean) => boolean,
]

const like = (pattern: string, text: string | undefined, flags = ''): boolean => {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\/]/g, '\\$&').replaceAll('*', '.*')
  return text !== undefined && new RegExp(`^${escaped}$`, flags).test(text)
}
const plain = (fact: string): Reading => [[fact], (pattern, fields) => like(pattern, fields[fact])]
const caseless = (fact: string): Reading => [
  [fact],
  (pattern, fields) => like(pattern, fields[fact], 'i'),
]

const READINGS: Readonly<Record<string, Readonly<Record<string, Reading>>>> = {
  http: {
    methods: [
      ['method'],
      (pattern, { method = '' }, deny) => like(pattern, deny ? method.toUpperCase() : method),
    ],
    hosts: caseless('host'),
    paths: plain('path'),
  },
  grpc: { services: plain('grpcService'), methods: plain('grpcMethod') },
  tls: { sni: caseless('sni'), alpn: plain('alpn'), ja4: plain('ja4') },
  dns: { names: caseless('names'), types: caseless('types') },
  sql: {
    verbs: caseless('verb'),
    tables: [
      ['tables'],
      (pattern, { tables = '' }, deny) => {
        if (!pattern.includes('.')) return like(pattern, tables.replace(/^.*\./, ''))
        if (tables.includes('.')) return like(pattern, tables)
        return deny && like(pattern.replace(/^.*\./, ''), tables)
      },
    ],
  },
  redis: {
    commands: [
      ['command', 'subcommand'],
      (pattern, { command = '', subcommand }) => {
        const whole = subcommand === undefined ? command : `${command} ${subcommand}`
        return like(pattern, pattern.includes(' ') ? whole : command, 'i')
      },
    ],
    keys: plain('keys'),
  },
  kafka: { apis: caseless('api'), topics: plain('topics'), clientIds: plain('clientId') },
}

function entryHolds(entry: BlockEntry, one: Case, deny: boolean): boolean {
  const readings = READINGS[entry.block]
  if (readings === undefined || !BLOCK_APPS[entry.block].includes(one.app)) return false
  const isDoubtful = one.ambiguous.includes('grpcService')
  const isGrpc = isDoubtful ? deny : one.fields.grpcService !== undefined
  return (
    (entry.block !== 'grpc' || isGrpc) &&
    Object.entries(entry.patterns).every(([key, patterns]) => {
      const [facts, holds] = readings[key] ?? [[], () => false]
      if (facts.some((fact) => one.ambiguous.includes(fact))) return deny
      if (one.fields[facts[0] ?? ''] === undefined) return false
      return patterns.some((pattern) => holds(pattern, one.fields, deny))
    }) &&
    entry.headers.every(({ name, isPresent, equals }) => {
      const value = one.fields[`header.${name}`]
      if (one.ambiguous.includes(`header.${name}`)) return deny
      return isPresent === (value !== undefined) && (equals === null || equals === value)
    })
  )
}

function holds(rule: PolicyRule, one: Case): boolean {
  if (rule.apps !== null && !rule.apps.includes(one.app)) return false
  const deny = rule.action === 'deny'
  return rule.blocks.length === 0 || rule.blocks.some((entry) => entryHolds(entry, one, deny))
}

/** Of rules that isolate, for a transaction of which everything is known. */
export function transactionOracle(
  rules: readonly PolicyRule[],
  app: string,
  fields: Fields,
): 'allow' | 'deny' {
  const listed = Object.entries(fields).filter(([name]) => name !== 'ambiguous')
  const count = Math.max(1, ...listed.map(([, value]) => (Array.isArray(value) ? value.length : 1)))
  const ambiguous = Array.isArray(fields.ambiguous) ? fields.ambiguous : []
  const cases = Array.from({ length: count }, (_, i): Case => {
    const own = listed.flatMap(([name, value]) => {
      const text = Array.isArray(value) ? value[value.length === 1 ? 0 : i] : value
      return typeof text === 'string' ? [[name, text]] : []
    })
    return { app, fields: Object.fromEntries(own), ambiguous }
  })
  const isAllowed = cases.every(
    (one) =>
      rules.some((rule) => rule.action === 'allow' && holds(rule, one)) &&
      !rules.some((rule) => rule.action === 'deny' && holds(rule, one)),
  )
  return isAllowed ? 'allow' : 'deny'
}
