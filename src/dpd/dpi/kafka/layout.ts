/** Layouts of messages (the protocol guide's grammar), as far as they name topics: compiled from a line of words per version. */

export type Word =
  /** Octets that nobody asks for: a fixed number. */
  | { readonly kind: 'skip'; readonly octets: number }
  | { readonly kind: 'str' | 'bytes' | 'topic' | 'topicId' | 'resource' | 'group' | 'regex' }
  | { readonly kind: 'acks' | 'session' }
  /** `isBare` = elements are values, not structures with tagged fields of their own. */
  | { readonly kind: 'array'; readonly words: readonly Word[]; readonly isBare: boolean }

export interface Layout {
  readonly words: readonly Word[]
  /** After it no topic can come. */
  readonly last: Word | null
}

const FIXED: Readonly<Record<string, number>> = { bool: 1, i8: 1, i16: 2, i32: 4, i64: 8 }
const NAMING: ReadonlySet<string> = new Set(['topic', 'topicId', 'resource', 'regex'])

/**
 * `[ … ]` is an array of structures, `< … >` one of values; `word@3+`, `word@0-12` stands in those versions only.
 */
export function compile(text: string, version: number): Layout {
  const tokens = text.split(/\s+/).filter((token) => token !== '')
  const words = readWords(tokens, version)
  return { words, last: lastNaming(words) }
}

function readWords(tokens: string[], version: number): Word[] {
  const words: Word[] = []
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (token === ']' || token === '>') break
    const [name = '', versions = ''] = token.split('@')
    const word = wordOf(name, tokens, version)
    if (isIn(versions, version)) words.push(word)
  }
  return words
}

function wordOf(name: string, tokens: string[], version: number): Word {
  if (name === '[' || name === '<') {
    return { kind: 'array', words: readWords(tokens, version), isBare: name === '<' }
  }
  const octets = FIXED[name]
  return octets === undefined
    ? ({ kind: name } as Exclude<Word, { kind: 'skip' | 'array' }>)
    : { kind: 'skip', octets }
}

function isIn(versions: string, version: number): boolean {
  if (versions === '') return true
  const [from = '', to] = versions.split(/[-+]/)
  return version >= Number(from) && (versions.endsWith('+') || version <= Number(to ?? from))
}

function lastNaming(words: readonly Word[]): Word | null {
  for (const word of words.toReversed()) {
    const inner = word.kind === 'array' ? lastNaming(word.words) : null
    if (inner !== null) return inner
    if (NAMING.has(word.kind)) return word
  }
  return null
}
