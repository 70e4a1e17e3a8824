/**
 * A conflist as an installer sees it (CNI SPEC 1.1.0, §1): our entry goes last and once, nothing
 * else changes; a list is never made without its primary plugin.
 */
import * as z from 'zod/mini'

export const PLUGIN_TYPE = 'vethwall'

const listShape = z.looseObject({
  name: z.string(),
  plugins: z.array(z.looseObject({ type: z.string() })).check(z.minLength(1)),
})

export type ConflistEdit =
  | { readonly kind: 'changed'; readonly text: string }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'invalid'; readonly reason: string }

type Entry = Readonly<Record<string, unknown>>

function read(text: string): { list: Entry; plugins: readonly Entry[] } | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  const shape = listShape.safeParse(json)
  // The schema's output has its own key order; the file's is the operator's.
  if (shape.success) {
    const list = json as Entry & { readonly plugins: readonly Entry[] }
    return { list, plugins: list.plugins }
  }
  const issue = shape.error.issues[0]
  return `not a conflist: ${issue?.path.join('.')}: ${issue?.message}`
}

const isOurs = (entry: Entry): boolean => entry.type === PLUGIN_TYPE

/** Why a file can't carry our entry, null = it can. */
export function conflistProblem(text: string): string | null {
  const conflist = read(text)
  if (typeof conflist === 'string') return conflist
  return conflist.plugins.every(isOurs) ? 'it has no primary plugin' : null
}

/** Our entry last and once; an entry that is there keeps its keys. */
export function appendEntry(text: string, keys: Entry = {}): ConflistEdit {
  const conflist = read(text)
  if (typeof conflist === 'string') return { kind: 'invalid', reason: conflist }
  const { list, plugins } = conflist
  const ours = plugins.filter(isOurs)
  const others = plugins.filter((entry) => !isOurs(entry))
  if (others.length === 0) return { kind: 'invalid', reason: 'it has no primary plugin' }
  if (ours.length === 1 && plugins.at(-1) === ours[0]) return { kind: 'unchanged' }
  return rewritten(list, [...others, ours[0] ?? { type: PLUGIN_TYPE, ...keys }])
}

export function removeEntry(text: string): ConflistEdit {
  const conflist = read(text)
  if (typeof conflist === 'string') return { kind: 'invalid', reason: conflist }
  const others = conflist.plugins.filter((entry) => !isOurs(entry))
  if (others.length === conflist.plugins.length) return { kind: 'unchanged' }
  if (others.length === 0) return { kind: 'invalid', reason: 'it has no primary plugin' }
  return rewritten(conflist.list, others)
}

function rewritten(list: Entry, plugins: readonly Entry[]): ConflistEdit {
  return { kind: 'changed', text: `${JSON.stringify({ ...list, plugins }, null, 2)}\n` }
}

/** Same data, whatever the white space and the order of keys. */
export function sameJson(a: string, b: string): boolean {
  try {
    return canonical(JSON.parse(a)) === canonical(JSON.parse(b))
  } catch {
    return false
  }
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)))
      : part,
  )
}
