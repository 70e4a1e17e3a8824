/** The blocks of a rule in a document: their schema, and reading them into the model. */
import * as z from 'zod'
import { BLOCKS, type Block, type BlockField, type BlockKey } from './blocks.js'
import type { BlockEntry } from './model.js'

type EntryDocument = Readonly<Record<string, readonly string[] | undefined>>
type BlocksDocument = Readonly<Partial<Record<BlockKey, readonly EntryDocument[]>>>

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

function entrySchema({ fields }: Block): z.ZodType<EntryDocument> {
  const shape = fields.map((field) => [field.key, listOf(patternSchema(field)).optional()])
  return z.strictObject(Object.fromEntries(shape) as Record<string, z.ZodType<readonly string[]>>)
}

function blockSchema(block: Block) {
  return listOf(entrySchema(block)).optional()
}

/** One key a block. */
export const blockSchemas = Object.fromEntries(
  BLOCKS.map((block) => [block.key, blockSchema(block)]),
) as Record<BlockKey, ReturnType<typeof blockSchema>>

export function entriesOf(rule: BlocksDocument): BlockEntry[] {
  return BLOCKS.flatMap(({ key }) =>
    (rule[key] ?? []).map((document) => ({ block: key, patterns: patternsOf(document) })),
  )
}

function patternsOf(document: EntryDocument): BlockEntry['patterns'] {
  const given = Object.entries(document).filter(([, patterns]) => patterns !== undefined)
  return Object.fromEntries(given) as BlockEntry['patterns']
}

export function refineApps(
  rule: BlocksDocument & { readonly apps?: readonly string[] | undefined },
  context: z.RefinementCtx,
): void {
  for (const { key, apps } of BLOCKS) {
    if (rule[key] === undefined || rule.apps === undefined) continue
    if (apps.some((app) => rule.apps?.includes(app))) continue
    const message = `can match nothing: apps lacks ${apps.join(' and ')}; add it there or leave apps out`
    context.addIssue({ code: 'custom', path: [key], message })
  }
}
