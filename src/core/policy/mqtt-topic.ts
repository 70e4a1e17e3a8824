/**
 * MQTT topics and topic filters (MQTT 5.0 §4.7). A subscription is allowed by a pattern that covers
 * every topic that its filter can match, and denied by one that shares a topic with it. Patterns are
 * filters too, in which `*` is any run of characters, over levels as well.
 */

/** Far above the limits of brokers in use; bounds the work on a hostile filter. */
export const TOPIC_CHARACTERS_MAX = 1024

/** `*` = any run; `+` = any run within a level; all else is the character itself. */
type Token =
  | { readonly kind: 'run' | 'level' }
  | { readonly kind: 'character'; readonly is: string }

const RUN: Token = { kind: 'run' }
const LEVEL: Token = { kind: 'level' }

/** Why the pattern is no filter, or null. §4.7.1: wildcards fill a level, `#` the last one. */
export function filterFault(pattern: string): string | null {
  if (pattern === '') return 'empty: write a topic, or # for any'
  const levels = pattern.split('/')
  for (const [i, level] of levels.entries()) {
    if (level.length > 1 && /[+#]/.test(level)) return `${level}: + and # fill a whole level`
    if (level === '#' && i < levels.length - 1) return '# is the last level'
  }
  return pattern.includes('\0') ? 'a topic has no NUL' : null
}

/** The filter of a shared subscription (§4.8.2) is what it receives. Null = no topic and no filter. */
export function spellTopic(topic: string): string | null {
  if (topic.length > TOPIC_CHARACTERS_MAX) return null
  const shared = /^\$share\/[^/+#]+\/(.*)$/s.exec(topic)
  const filter = shared?.[1] ?? topic
  return filterFault(filter) === null ? filter : null
}

export function hasWildcard(filter: string): boolean {
  return /(^|\/)[+#](\/|$)/.test(filter)
}

/** Every topic of `filter` is one of `pattern`, as far as it can be shown. */
export function coversFilter(pattern: string, filter: string): boolean {
  // §4.7.2: what begins with a wildcard takes no topic that begins with `$`.
  if (hasWildcard(pattern.slice(0, 1)) && filter.startsWith('$')) return false
  const ways = waysOf(pattern, true)
  return waysOf(filter, false).every((way) => ways.some((cover) => covers(cover, way)))
}

/** Some topic is of both. */
export function meetsFilter(pattern: string, filter: string): boolean {
  if (hasWildcard(pattern.slice(0, 1)) && filter.startsWith('$')) return false
  if (hasWildcard(filter.slice(0, 1)) && pattern.startsWith('$')) return false
  const ways = waysOf(pattern, true)
  return waysOf(filter, false).some((way) => ways.some((other) => meets(other, way)))
}

/** `a/#` is `a` and everything under `a/` (§4.7.1.2). */
function waysOf(filter: string, hasStars: boolean): readonly (readonly Token[])[] {
  if (filter === '#') return [[RUN]]
  if (!filter.endsWith('/#')) return [tokensOf(filter, hasStars)]
  const parent = tokensOf(filter.slice(0, -2), hasStars)
  return [parent, [...parent, ...tokensOf('/', hasStars), RUN]]
}

function tokensOf(text: string, hasStars: boolean): Token[] {
  const plain = (level: string): Token[] =>
    Array.from(level, (is) => (is === '*' && hasStars ? RUN : { kind: 'character', is }))
  return text
    .split('/')
    .flatMap((level, i) => [
      ...(i > 0 ? plain('/') : []),
      ...(level === '+' ? [LEVEL] : plain(level)),
    ])
}

/** A wildcard of `cover` swallows tokens of `way`; a wildcard of `way` is swallowed by one no narrower. */
function covers(cover: readonly Token[], way: readonly Token[]): boolean {
  let at = closure(cover, new Set([0]))
  for (const token of way) {
    const next = new Set<number>()
    for (const i of at) {
      const own = cover[i]
      if (own === undefined) continue
      if (own.kind === 'run' || (own.kind === 'level' && isWithinLevel(token))) next.add(i)
      else if (own.kind === 'character' && token.kind === 'character' && own.is === token.is)
        next.add(i + 1)
    }
    at = closure(cover, next)
  }
  return at.has(cover.length)
}

/** Wildcards may be empty. */
function closure(tokens: readonly Token[], at: Set<number>): Set<number> {
  for (const i of at) {
    const kind = tokens[i]?.kind
    if (kind === 'run' || kind === 'level') at.add(i + 1)
  }
  return at
}

const isWithinLevel = (token: Token): boolean =>
  token.kind === 'level' || (token.kind === 'character' && token.is !== '/')

/** Places in `a` that some common beginning of both can lead to, for each place in `b`. */
function meets(a: readonly Token[], b: readonly Token[]): boolean {
  let row = closure(a, new Set([0]))
  for (const token of b) row = closure(a, after(a, row, token))
  return row.has(a.length)
}

function after(a: readonly Token[], row: ReadonlySet<number>, token: Token): Set<number> {
  const next = new Set<number>()
  if (token.kind === 'character') {
    for (const i of row) {
      const own = a[i]
      if (own === undefined) continue
      if (own.kind === 'character' ? own.is === token.is : fits(own, token)) {
        next.add(own.kind === 'character' ? i + 1 : i)
      }
    }
    return next
  }
  // A wildcard of `b` takes any run of what `a` has next; a set grows while it is walked.
  for (const i of row) next.add(i)
  for (const i of next) {
    const own = a[i]
    if (own !== undefined && (token.kind === 'run' || own.kind !== 'character' || own.is !== '/'))
      next.add(i + 1)
  }
  return next
}

const fits = (wildcard: Token, token: Token): boolean =>
  wildcard.kind === 'run' || isWithinLevel(token)
