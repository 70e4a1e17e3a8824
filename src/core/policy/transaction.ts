/**
 * The L7 blocks of a rule against one transaction, three-valued: a field that is not there yet may
 * still match. A field that servers could read in two ways matches no allow rule and every deny rule.
 */
import type { Fields } from '../inspect/contract.js'
import type { CompiledRule } from './compiled.js'
import { type Glob, matchGlob } from './glob.js'
import { canonicalHost, canonicalName } from './host-name.js'
import { canonicalPath } from './http-path.js'

/** Ordered, so that AND is the least and OR the greatest. */
export const NO = 0
export const UNKNOWN = 1
export const YES = 2
export type Ternary = typeof NO | typeof UNKNOWN | typeof YES

const ABSENT = Symbol('absent')
const PENDING = Symbol('pending')
const AMBIGUOUS = Symbol('ambiguous')
type Value = string | typeof ABSENT | typeof PENDING | typeof AMBIGUOUS

/** What a parser has said of one transaction so far. */
export interface Transaction {
  readonly app: string
  readonly fields: Fields
  /** No further field will come. */
  readonly complete: boolean
}

/** One question: what the rules are asked about. A DNS query may hold several. */
export interface Question {
  readonly app: string
  readonly malformed: boolean
  readonly method: Value
  readonly host: Value
  readonly path: Value
  readonly sni: Value
  readonly name: Value
  readonly type: Value
}

export function questionsOf(transaction: Transaction): readonly Question[] {
  const { app, fields } = transaction
  const base: Question = {
    app,
    malformed: fields.malformed === true || fields.ambiguous === true,
    method: app === 'http' ? read(transaction, 'method') : ABSENT,
    host: app === 'http' ? canonical(read(transaction, 'host'), canonicalHost) : ABSENT,
    path: app === 'http' ? canonical(read(transaction, 'path'), canonicalPath) : ABSENT,
    sni: isTls(app) ? canonical(read(transaction, 'sni'), canonicalHost) : ABSENT,
    name: app === 'dns' ? missing(transaction) : ABSENT,
    type: app === 'dns' ? missing(transaction) : ABSENT,
  }
  return app === 'dns' && !base.malformed ? dnsQuestions(transaction, base) : [base]
}

/** QUIC carries the same ClientHello. */
const isTls = (app: string): boolean => app === 'tls' || app === 'quic'

/** Greatest over the alternatives. */
export function matchBlocks(rule: CompiledRule, question: Question): Ternary {
  if (question.malformed) return rule.deny ? YES : NO
  let best: Ternary = NO
  if (question.app === 'http') {
    for (const { methods, hosts, paths } of rule.http) {
      const method = matchMethod(methods, question.method, rule.deny)
      const host = matchField(hosts, question.host, rule.deny)
      best = or(best, and(and(method, host), matchField(paths, question.path, rule.deny)))
    }
  } else if (isTls(question.app)) {
    for (const { sni } of rule.tls) best = or(best, matchField(sni, question.sni, rule.deny))
  } else if (question.app === 'dns') {
    for (const { names, types } of rule.dns) {
      const name = matchField(names, question.name, rule.deny)
      best = or(best, and(name, matchField(types, question.type, rule.deny)))
    }
  }
  return best
}

function matchField(patterns: readonly Glob[] | null, value: Value, deny: boolean): Ternary {
  if (patterns === null) return YES
  if (value === PENDING) return UNKNOWN
  if (value === ABSENT) return NO
  if (value === AMBIGUOUS) return deny ? YES : NO
  for (const pattern of patterns) if (matchGlob(pattern, value)) return YES
  return NO
}

/**
 * RFC 9110 §9.1: methods are case-sensitive, so `get` is not what GET allows; but some servers take
 * it for GET, so a rule that denies GET denies it.
 */
function matchMethod(patterns: readonly Glob[] | null, value: Value, deny: boolean): Ternary {
  return matchField(patterns, deny && typeof value === 'string' ? value.toUpperCase() : value, deny)
}

/** Names and types of one message, side by side; the type of all where there is one only. */
function dnsQuestions(transaction: Transaction, base: Question): readonly Question[] {
  const names = list(transaction.fields, 'names', 'name')
  const types = list(transaction.fields, 'types', 'type')
  const count = Math.max(names.length, types.length)
  if (count === 0) return [base]
  const ambiguous = isAmbiguous(transaction.fields, 'names')
  return Array.from({ length: count }, (_, i) => {
    const name = names[i]
    const type = types[i] ?? (types.length === 1 ? types[0] : undefined)
    return {
      ...base,
      name: ambiguous ? AMBIGUOUS : name === undefined ? base.name : canonicalName(name),
      type: type === undefined ? base.type : type.toUpperCase(),
    }
  })
}

function list(fields: Fields, plural: string, singular: string): readonly string[] {
  const value = Object.hasOwn(fields, plural) ? fields[plural] : fields[singular]
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? value : []
}

function read(transaction: Transaction, field: string): Value {
  const { fields } = transaction
  if (isAmbiguous(fields, field)) return AMBIGUOUS
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined
  return typeof value === 'string' ? value : missing(transaction)
}

function missing(transaction: Transaction): Value {
  return transaction.complete ? ABSENT : PENDING
}

/** A parser says `ambiguousHost: true`, or `ambiguous: ['host']`. */
function isAmbiguous(fields: Fields, field: string): boolean {
  const all = fields.ambiguous
  if (Array.isArray(all) && all.includes(field)) return true
  return fields[`ambiguous${field.charAt(0).toUpperCase()}${field.slice(1)}`] === true
}

function canonical(value: Value, spell: (text: string) => string | null): Value {
  return typeof value === 'string' ? (spell(value) ?? AMBIGUOUS) : value
}

function and(a: Ternary, b: Ternary): Ternary {
  return a < b ? a : b
}

function or(a: Ternary, b: Ternary): Ternary {
  return a > b ? a : b
}
