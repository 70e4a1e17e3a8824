/** Blocks of a rule → the conditions that transactions are held to. */
import { BLOCK_FIELDS, blockOf } from './blocks.js'
import type { CompiledEntry } from './compiled.js'
import type { BlockEntry } from './model.js'

export function compileEntry({ block, patterns }: BlockEntry): CompiledEntry {
  const { apps, fields } = blockOf(block)
  const conditions = fields.flatMap((field) => {
    const given = patterns[field.key]
    if (given === undefined) return []
    return [{ field: BLOCK_FIELDS.indexOf(field), patterns: given.map(field.kind.compile) }]
  })
  return { apps, conditions }
}

/** The apps that the blocks imply. */
export function blockApps(blocks: readonly BlockEntry[]): ReadonlySet<string> {
  return new Set(blocks.flatMap(({ block }) => blockOf(block).apps))
}
