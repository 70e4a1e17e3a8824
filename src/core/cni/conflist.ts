/**
 * A conflist as an installer sees it (CNI SPEC 1.1.0, §1): our entry goes last and once, nothing
 * else changes; a list is never made without its primary plugin. Edits cut and insert text, since
 * JSON.parse and JSON.stringify would reformat the vendor's entries and round their large numbers.
 */
import { isSeq, parseDocument } from 'yaml'
import * as z from 'zod/mini'
import { DEFAULT_INSTANCE } from '../instance.js'
import { SUPPORTED_VERSIONS } from './version.js'

export const PLUGIN_TYPE = 'vethwall'

const listShape = z.looseObject({
  name: z.string().check(z.minLength(1)),
  plugins: z.array(z.looseObject({ type: z.string() })).check(z.minLength(1)),
})

/** A plugin's object in a list, key order as written. */
export type Entry = Readonly<Record<string, unknown>>

export interface Conflist {
  readonly list: Entry
  readonly ours: readonly Entry[]
  readonly others: readonly Entry[]
  /** Our one entry is the last. */
  readonly isLast: boolean
}

export type ConflistEdit =
  | { readonly kind: 'changed'; readonly text: string }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'invalid'; readonly reason: string }

const isOurs = (entry: Entry): boolean => entry.type === PLUGIN_TYPE

/** The list, or why the text is none. */
export function readConflist(text: string): Conflist | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    if (text.trim() === '') return 'it is empty'
    return `not JSON: ${error instanceof Error ? error.message : String(error)}`
  }
  const shape = listShape.safeParse(json)
  if (!shape.success) {
    const issue = shape.error.issues[0]
    return `not a conflist: ${issue?.path.join('.')}: ${issue?.message}`
  }
  // The schema's output has its own key order; the file's is the operator's.
  const list = json as Entry & { readonly plugins: readonly Entry[] }
  const ours = list.plugins.filter(isOurs)
  const others = list.plugins.filter((entry) => !isOurs(entry))
  return { list, ours, others, isLast: ours.length === 1 && list.plugins.at(-1) === ours[0] }
}

/** Why a list can't carry our entry, null = it can. */
export function listProblem({ list, others }: Conflist): string | null {
  if (others.length === 0) return 'it has no primary plugin'
  const versions = [list.cniVersion, ...(Array.isArray(list.cniVersions) ? list.cniVersions : [])]
  const supported: readonly unknown[] = SUPPORTED_VERSIONS
  if (versions.some((version) => supported.includes(version))) return null
  return `its cniVersion is ${JSON.stringify(list.cniVersion ?? 'absent')}, where vethwall speaks ${SUPPORTED_VERSIONS.join(', ')}`
}

/** As `listProblem`, of a text. */
export function conflistProblem(text: string): string | null {
  const conflist = readConflist(text)
  return typeof conflist === 'string' ? conflist : listProblem(conflist)
}

export function instanceOfEntry(entry: Entry): unknown {
  return entry.instance ?? DEFAULT_INSTANCE
}

/** Our entry last and once; an entry that is there keeps its keys. */
export function appendEntry(text: string, entry: Entry = { type: PLUGIN_TYPE }): ConflistEdit {
  const conflist = readConflist(text)
  const reason = typeof conflist === 'string' ? conflist : listProblem(conflist)
  if (typeof conflist === 'string' || reason !== null) {
    return { kind: 'invalid', reason: reason ?? '' }
  }
  const { list, ours, others, isLast } = conflist
  if (isLast) return { kind: 'unchanged' }
  const isSameInstance = (other: Entry): boolean =>
    instanceOfEntry(other) === instanceOfEntry(entry)
  const kept = ours.find(isSameInstance) ?? ours[0] ?? entry
  const rest = cutEntries(text)
  const edited = rest === null ? null : insertLast(rest, kept)
  return verified(edited, { ...list, plugins: [...others, kept] })
}

export function removeEntry(text: string): ConflistEdit {
  const conflist = readConflist(text)
  if (typeof conflist === 'string') return { kind: 'invalid', reason: conflist }
  const { list, ours, others } = conflist
  if (ours.length === 0) return { kind: 'unchanged' }
  if (others.length === 0) return { kind: 'invalid', reason: 'it has no primary plugin' }
  return verified(cutEntries(text), { ...list, plugins: others })
}

/** A file that repeats a key, or the like, is better left than guessed at. */
function verified(edited: string | null, want: Entry): ConflistEdit {
  if (edited !== null && JSON.stringify(JSON.parse(edited)) === JSON.stringify(want)) {
    return { kind: 'changed', text: edited }
  }
  return { kind: 'invalid', reason: 'its plugins cannot be told apart in the text' }
}

type Range = readonly [start: number, end: number]

/** Where each plugin stands. JSON is YAML 1.2, and this library tells the place of every node. */
function pluginRanges(text: string): Range[] | null {
  const plugins = parseDocument(text, { uniqueKeys: false, logLevel: 'silent' }).get(
    'plugins',
    true,
  )
  if (!isSeq(plugins)) return null
  const ranges = plugins.items.flatMap((item): Range[] => {
    const range = (item as { readonly range?: readonly number[] | null }).range
    return range?.[0] === undefined || range[1] === undefined ? [] : [[range[0], range[1]]]
  })
  return ranges.length === plugins.items.length ? ranges : null
}

/** All of ours out, each with the comma that joined it. */
function cutEntries(text: string): string | null {
  const ranges = pluginRanges(text)
  if (ranges === null) return null
  const at = ranges.findLastIndex(([start, end]) => isOursText(text.slice(start, end)))
  const found = ranges[at]
  if (found === undefined) return text
  const [before, after] = [ranges[at - 1], ranges[at + 1]]
  const from = before?.[1] ?? found[0]
  const to = before === undefined && after !== undefined ? after[0] : found[1]
  return cutEntries(text.slice(0, from) + text.slice(to))
}

function isOursText(text: string): boolean {
  return isOurs(JSON.parse(text) as Entry)
}

/** In the style of the entry before it. */
function insertLast(text: string, entry: Entry): string | null {
  const last = pluginRanges(text)?.at(-1)
  if (last === undefined) return null
  const [start, end] = last
  const space = /\s*$/.exec(text.slice(0, start))?.[0] ?? ''
  const lineStart = /\n[^\n]*$/.exec(space)?.[0]
  const json =
    lineStart === undefined
      ? JSON.stringify(entry)
      : JSON.stringify(entry, null, 2).replaceAll('\n', lineStart)
  return `${text.slice(0, end)},${space}${json}${text.slice(end)}`
}
