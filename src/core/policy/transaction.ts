/**
 * The L7 blocks of a rule against one transaction, three-valued: a field that is not there yet may
 * still match. A field that servers could read in two ways matches no allow rule and every deny rule.
 */
import type { Fields } from '../inspect/contract.js'
import { BLOCK_FIELDS, BLOCKS, type BlockField, textsOf } from './blocks.js'
import type { CompiledEntry, CompiledRule, Condition } from './compiled.js'
import type { FieldKind } from './field-kind.js'

/** Ordered, so that AND is the least and OR the greatest. */
export const NO = 0
export const UNKNOWN = 1
export const YES = 2
export type Ternary = typeof NO | typeof UNKNOWN | typeof YES

export const ABSENT = Symbol('absent')
export const PENDING = Symbol('pending')
export const AMBIGUOUS = Symbol('ambiguous')
type Value = string | typeof ABSENT | typeof PENDING | typeof AMBIGUOUS

/** What a parser has said of one transaction so far. */
export interface Transaction {
  readonly app: string
  readonly fields: Fields
  /** No further field will come. */
  readonly complete: boolean
}

/**
 * One question: what the rules are asked about. A transaction that names several things (a DNS query
 * with two names) is several, each to be allowed.
 */
export class Question {
  readonly app: string
  readonly malformed: boolean
  /** By index in `BLOCK_FIELDS`: many rules ask for the same field. */
  readonly #values: (Value | undefined)[] = []
  #headers: Map<string, Value> | null = null

  constructor(
    private readonly transaction: Transaction,
    private readonly element: number,
  ) {
    this.app = transaction.app
    this.malformed = isMalformed(transaction)
  }

  value({ field: index, header }: Condition): Value {
    const field = BLOCK_FIELDS[index]
    if (field === undefined) return ABSENT
    if (header !== null) return this.#header(field, header)
    const known = this.#values[index]
    if (known !== undefined) return known
    const value = this.#read(field)
    this.#values[index] = value
    return value
  }

  #header({ fact, kind }: BlockField, name: string): Value {
    this.#headers ??= new Map()
    const known = this.#headers.get(name)
    if (known !== undefined) return known
    const header = `${fact}.${name}`
    const { fields } = this.transaction
    const value = isAmbiguous(fields, header)
      ? AMBIGUOUS
      : this.#spell(kind, textsOf(fields, header)[0])
    this.#headers.set(name, value)
    return value
  }

  #read(field: BlockField): Value {
    const { fields } = this.transaction
    const facts = field.facts ?? [field.fact]
    if (facts.some((fact) => isAmbiguous(fields, fact))) return AMBIGUOUS
    return this.#spell(field.kind, elementOf(elements(this.transaction, field), this.element))
  }

  #spell(kind: FieldKind, text: string | undefined): Value {
    if (text === undefined) return this.transaction.complete ? ABSENT : PENDING
    return kind.spell(text) ?? AMBIGUOUS
  }
}

export function questionsOf(transaction: Transaction): readonly Question[] {
  const first = new Question(transaction, 0)
  let count = 1
  if (!first.malformed) {
    for (const field of FIELDS_OF_APP.get(transaction.app) ?? []) {
      count = Math.max(count, elements(transaction, field).length)
    }
  }
  const questions = [first]
  while (questions.length < count) questions.push(new Question(transaction, questions.length))
  return questions
}

const FIELDS_OF_APP: ReadonlyMap<string, readonly BlockField[]> = new Map(
  [...new Set(BLOCKS.flatMap(({ apps }) => apps))].map((app) => [
    app,
    BLOCKS.filter(({ apps }) => apps.includes(app)).flatMap(({ fields }) => fields),
  ]),
)

/** Greatest over the alternatives. */
export function matchBlocks(rule: CompiledRule, question: Question): Ternary {
  if (question.malformed) return rule.deny ? YES : NO
  let best: Ternary = NO
  for (const entry of rule.entries) {
    if (best === YES) break
    if (!entry.apps.includes(question.app)) continue
    best = or(best, matchEntry(entry, question, rule.deny))
  }
  return best
}

function matchEntry({ conditions }: CompiledEntry, question: Question, deny: boolean): Ternary {
  let least: Ternary = YES
  for (const condition of conditions) {
    if (least === NO) break
    least = and(least, matchCondition(condition, question.value(condition), deny))
  }
  return least
}

function matchCondition(condition: Condition, value: Value, deny: boolean): Ternary {
  const { field, patterns, isAbsence } = condition
  if (value === PENDING) return UNKNOWN
  if (value === AMBIGUOUS) return deny ? YES : NO
  if (value === ABSENT || isAbsence) return (value === ABSENT) === isAbsence ? YES : NO
  if (patterns === null) return YES
  const kind = BLOCK_FIELDS[field]?.kind
  return patterns.some((pattern) => kind?.matches(pattern, value, deny)) ? YES : NO
}

/** Lists of one transaction lie side by side; one element alone stands beside each of the others. */
function elementOf(list: readonly string[], element: number): string | undefined {
  return list.length === 1 ? list[0] : list[element]
}

function elements({ fields, app }: Transaction, field: BlockField): readonly string[] {
  return field.read?.(fields, app) ?? textsOf(fields, field.fact)
}

function isMalformed({ fields }: Transaction): boolean {
  return fields.malformed === true || fields.ambiguous === true
}

/** A parser says `ambiguousHost: true`, or `ambiguous: ['host']`. */
function isAmbiguous(fields: Fields, field: string): boolean {
  const all = fields.ambiguous
  if (Array.isArray(all) && all.includes(field)) return true
  return fields[`ambiguous${field.charAt(0).toUpperCase()}${field.slice(1)}`] === true
}

function and(a: Ternary, b: Ternary): Ternary {
  return a < b ? a : b
}

function or(a: Ternary, b: Ternary): Ternary {
  return a > b ? a : b
}
