/** Fields while they are gathered, as far as each of them is there. */
import type { Fields } from './contract.js'

/**
 * Those that not every message has are assigned: V8 makes an object with spread parts, that others follow, in its
 * runtime, with a new layout each time, which took as long as all the rest of a flow's end.
 */
export type FieldsDraft = Record<string, Fields[string]>

/** What `more` says goes before. */
export function withFields(known: Fields, more: Fields): Fields {
  const all: FieldsDraft = { ...known }
  for (const name in more) all[name] = more[name] as Fields[string]
  return all
}
