/** The blocks of a rule in a document: their schema, and reading them into the model. */
import * as z from 'zod'
import { BLOCKS, type Block, type BlockField, type BlockKey } from './blocks.js'
import type { BlockEntry, HeaderCondition } from './model.js'

interface HeaderDocument {
  readonly name: string
  readonly present?: boolean | undefined
  readonly equals?: string | undefined
}
type FieldDocument = string | readonly (string | HeaderDocument)[] | undefined
type EntryDocument = Readonly<Record<string, FieldDocument>>
type BlocksDocument = Readonly<Partial<Record<BlockKey, readonly EntryDocument[] | undefined>>>

/** An empty list could be read as "any" and as "none": it is neither, but an error. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).min(1, 'an empty list matches nothing: leave the key out for any')
}

function patternSchema({ kind }: BlockField) {
  return z.string().superRefine((pattern, context) => {
    const message = kind.fault(pattern)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })
}

/** RFC 9110 §5.1, §5.5: a token; a value without white space around it. */
const headerSchema = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/,
        'a header name is a token, as x-tenant, without colon',
      ),
    present: z.boolean().optional(),
    equals: z
      .string()
      .regex(
        /^[\x21-\x7e]+( +[\x21-\x7e]+)*$/,
        'a value is printable ASCII without spaces around it',
      )
      .optional(),
  })
  .superRefine(({ present, equals }, context) => {
    if ((present === undefined) !== (equals === undefined)) return
    const message = 'write present: true, present: false or equals: VALUE, one of them'
    context.addIssue({ code: 'custom', message })
  })

function fieldSchema(field: BlockField): z.ZodType<FieldDocument> {
  const pattern = patternSchema(field)
  return field.isSingle === true ? pattern.optional() : listOf(pattern).optional()
}

function entrySchema({ fields, headers }: Block): z.ZodType<EntryDocument> {
  const shape: Record<string, z.ZodType<FieldDocument>> = {}
  for (const field of fields) shape[field.key] = fieldSchema(field)
  if (headers !== undefined) shape[headers.key] = listOf(headerSchema).optional()
  return z.strictObject(shape)
}

function blockSchema(block: Block) {
  return listOf(entrySchema(block)).optional()
}

/** One key a block. */
export const blockSchemas = Object.fromEntries(
  BLOCKS.map((block) => [block.key, blockSchema(block)]),
) as Record<BlockKey, ReturnType<typeof blockSchema>>

export function entriesOf(rule: BlocksDocument): BlockEntry[] {
  return BLOCKS.flatMap(({ key }) => (rule[key] ?? []).map((document) => entryOf(key, document)))
}

function entryOf(block: BlockKey, document: EntryDocument): BlockEntry {
  const patterns: Record<string, readonly string[]> = {}
  const headers: HeaderCondition[] = []
  for (const [key, given] of Object.entries(document)) {
    const list = typeof given === 'string' ? [given] : (given ?? [])
    const texts = list.filter((item) => typeof item === 'string')
    if (texts.length > 0) patterns[key] = texts
    for (const item of list) if (typeof item !== 'string') headers.push(headerOf(item))
  }
  return { block, patterns, headers }
}

function headerOf({ name, present, equals }: HeaderDocument): HeaderCondition {
  return { name: name.toLowerCase(), isPresent: present ?? true, equals: equals ?? null }
}

export function refineApps(
  rule: BlocksDocument & { readonly apps?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  for (const { key, apps } of BLOCKS) {
    const named = rule.apps?.indexOf(key) ?? -1
    if (named >= 0 && !apps.includes(key)) {
      const message = `${key} is ${apps.join(' or ')} to policy: use a ${key} block, as ${key}: [{}]`
      context.addIssue({ code: 'custom', path: ['apps', named], message })
    }
    if (rule[key] === undefined || rule.apps === undefined) continue
    if (apps.some((app) => rule.apps?.includes(app))) continue
    const message = `can match nothing: apps lacks ${apps.join(' or ')}; add it there or leave apps out`
    context.addIssue({ code: 'custom', path: [key], message })
  }
}
