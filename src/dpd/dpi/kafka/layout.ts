/** Layouts of messages (the protocol guide's grammar), as far as they name topics: compiled from a line of words per version. */

/** What is read. */
export type Value =
  | ('str' | 'bytes' | 'topic' | 'topicId' | 'partition' | 'resource' | 'group' | 'regex')
  | ('acks' | 'session' | 'keyType')

/** `Kind` = of single values. */
export type Word<Kind extends string = Value> =
  /** Octets that nobody asks for: a fixed number. */
  | { readonly kind: 'skip'; readonly octets: number }
  | { readonly kind: Kind }
  /** `isBare` = elements are values, not structures with tagged fields of their own. */
  | { readonly kind: 'array'; readonly words: readonly Word<Kind>[]; readonly isBare: boolean }

export interface Layout<Kind extends string = Value> {
  readonly words: readonly Word<Kind>[]
  /** After it no topic can come. */
  readonly last: Word<Kind> | null
  /** After it nothing can come that a refusal repeats. */
  readonly lastRepeated: Word<Kind> | null
}

const FIXED: Readonly<Record<string, number>> = { bool: 1, i8: 1, i16: 2, i32: 4, i64: 8 }
const NAMING: ReadonlySet<string> = new Set(['topic', 'topicId', 'resource', 'regex'])
const REPEATED: ReadonlySet<string> = new Set(['topic', 'topicId', 'partition', 'group'])

/**
 * `[ … ]` is an array of structures, `< … >` one of values; `word@3+`, `word@0-12` stands in those versions only.
 */
export function compile<Kind extends string = Value>(text: string, version: number): Layout<Kind> {
  const tokens = text.split(/\s+/).filter((token) => token !== '')
  const words = readWords<Kind>(tokens, version)
  return { words, last: lastOf(words, NAMING), lastRepeated: lastOf(words, REPEATED) }
}

function readWords<Kind extends string>(tokens: string[], version: number): Word<Kind>[] {
  const words: Word<Kind>[] = []
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (token === ']' || token === '>') break
    const [name = '', versions = ''] = token.split('@')
    const word = wordOf<Kind>(name, tokens, version)
    if (isIn(versions, version)) words.push(word)
  }
  return words
}

function wordOf<Kind extends string>(name: string, tokens: string[], version: number): Word<Kind> {
  if (name === '[' || name === '<') {
    return { kind: 'array', words: readWords(tokens, version), isBare: name === '<' }
  }
  const octets = FIXED[name]
  return octets === undefined ? { kind: name as Kind } : { kind: 'skip', octets }
}

function isIn(versions: string, version: number): boolean {
  if (versions === '') return true
  const [from = '', to] = versions.split(/[-+]/)
  return version >= Number(from) && (versions.endsWith('+') || version <= Number(to ?? from))
}

function lastOf<Kind extends string>(
  words: readonly Word<Kind>[],
  kinds: ReadonlySet<string>,
): Word<Kind> | null {
  for (const word of words.toReversed()) {
    const inner = 'words' in word ? lastOf(word.words, kinds) : null
    if (inner !== null) return inner
    if (kinds.has(word.kind)) return word
  }
  return null
}
