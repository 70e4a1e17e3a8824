import { asciiLower } from '../../../core/bytes.js'

/** More field lines than any server takes (nginx and Apache stop at 100) are refused. */
const FIELD_LINES = 256
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** Lower-case names; one entry per field line, in order. */
export type FieldLines = ReadonlyMap<string, readonly string[]>
export type FieldsOrClause = { readonly fields: FieldLines } | { readonly clause: string }

export const isToken = (text: string): boolean => TOKEN.test(text)

/** Strict RFC 9112 §5: what recipients read differently is not read at all. */
export function parseFieldLines(lines: readonly string[]): FieldsOrClause {
  if (lines.length > FIELD_LINES) return { clause: `RFC 9110 §5.4 more than ${FIELD_LINES} fields` }
  const fields = new Map<string, string[]>()
  for (const line of lines) {
    if (line.startsWith(' ') || line.startsWith('\t')) return { clause: 'RFC 9112 §5.2 obs-fold' }
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0))
    if (!TOKEN.test(name)) return { clause: 'RFC 9112 §5.1 field name' }
    const value = trimOws(line.slice(colon + 1))
    if (!FIELD_VALUE.test(value)) return { clause: 'RFC 9110 §5.5 field value' }
    const key = asciiLower(name)
    const values = fields.get(key)
    if (values === undefined) fields.set(key, [value])
    else values.push(value)
  }
  return { fields }
}

/** Optional whitespace is SP and HTAB only (RFC 9110 §5.6.3), never what String.trim takes. */
export function trimOws(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isOws(text[from])) from++
  while (to > from && isOws(text[to - 1])) to--
  return text.slice(from, to)
}

const isOws = (character: string | undefined): boolean => character === ' ' || character === '\t'

/** The members of a comma-separated list over all lines (RFC 9110 §5.6.1), lower case, empties dropped. */
export function listOf(fields: FieldLines, name: string): readonly string[] {
  const members = (fields.get(name) ?? []).flatMap((value) => value.split(','))
  return members.map((member) => asciiLower(trimOws(member))).filter((member) => member !== '')
}
