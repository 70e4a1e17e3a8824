/** Blocks of a rule → the conditions that transactions are held to. */
import { BLOCK_FIELDS, BLOCKS, type Block, type BlockField, blockOf } from './blocks.js'
import {
  type Asks,
  type CompiledEntry,
  type CompiledRule,
  type Condition,
  NO_ASKS,
} from './compiled.js'
import { globOf } from './glob.js'
import type { BlockEntry, HeaderCondition } from './model.js'

export function compileEntry(entry: BlockEntry): CompiledEntry {
  const block = blockOf(entry.block)
  const conditions = [...fieldConditions(block, entry), ...headerConditions(block, entry)]
  return { apps: block.apps, conditions }
}

function fieldConditions({ fields, needs }: Block, { patterns }: BlockEntry): Condition[] {
  return fields.flatMap((field) => {
    const given = patterns[field.key]
    if (given === undefined && field.key !== needs) return []
    const compiled = given?.map(field.kind.compile) ?? null
    return [{ field: indexOf(field), header: null, patterns: compiled, isAbsence: false }]
  })
}

function headerConditions({ headers: field }: Block, { headers }: BlockEntry): Condition[] {
  if (field === undefined) return []
  return headers.map(({ name, isPresent, equals }: HeaderCondition) => ({
    field: indexOf(field),
    header: name,
    // A value is no pattern: a star in it is a star.
    patterns: equals === null ? null : [globOf([equals])],
    isAbsence: !isPresent,
  }))
}

const indexOf = (field: BlockField): number => BLOCK_FIELDS.indexOf(field)

/** The apps that the blocks imply. */
export function blockApps(blocks: readonly BlockEntry[]): ReadonlySet<string> {
  return new Set(blocks.flatMap(({ block }) => blockOf(block).apps))
}

const IN_REPLIES: ReadonlySet<number> = new Set(
  BLOCKS.flatMap(({ fields }) => fields.filter((field) => field.isInReply).map(indexOf)),
)

export function asksOf(rules: readonly CompiledRule[]): Asks {
  const headers = new Set<string>()
  const replies = new Set<string>()
  const names = rules.some(({ fqdn }) => fqdn !== null)
  for (const { entries } of rules) {
    for (const { apps, conditions } of entries) {
      for (const { field, header } of conditions) {
        if (header !== null) headers.add(header)
        if (IN_REPLIES.has(field)) for (const app of apps) replies.add(app)
      }
    }
  }
  return headers.size + replies.size === 0 && !names
    ? NO_ASKS
    : { headers: [...headers], replies: [...replies], names }
}
