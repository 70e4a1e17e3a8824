/** Fields as text: of many flows the names are the same few. */
import type { Fields } from '../../core/inspect/contract.js'

type Value = Fields[string]
/** The names, or which ones of those known; then the values, in order. */
export type SavedFields = readonly [names: number | readonly string[], ...values: Value[]]

/** Of header fields that rules ask for there may be any number: beyond it names are written out. */
const KNOWN_MAX = 1_024

/** Of this process, and never forgotten: what is saved is read by this process alone. */
const known: (readonly string[])[] = []
const places = new Map<string, number>()

/** null = a number that JSON has no text for. */
export function saveFields(fields: Fields): SavedFields | null {
  const names = Object.keys(fields)
  const values = Object.values(fields)
  if (values.some((value) => typeof value === 'number' && !Number.isFinite(value))) return null
  return [placeOf(names), ...values]
}

export function restoreFields([names, ...values]: SavedFields): Fields {
  const fields: Record<string, Value> = {}
  const each = typeof names === 'number' ? (known[names] ?? []) : names
  each.forEach((name, at) => {
    fields[name] = values[at] as Value
  })
  return fields
}

function placeOf(names: readonly string[]): number | readonly string[] {
  const key = names.join('\n')
  const place = places.get(key)
  if (place !== undefined) return isSame(names, known[place]) ? place : names
  if (known.length >= KNOWN_MAX) return names
  places.set(key, known.length)
  return known.push(names) - 1
}

/** A name may have a line end itself. */
const isSame = (names: readonly string[], others: readonly string[] | undefined): boolean =>
  names.length === others?.length && names.every((name, at) => name === others[at])
