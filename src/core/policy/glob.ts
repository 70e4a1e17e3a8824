/** `*` is any run of characters, also none; the rest is literal; the whole string must match. */

export interface Glob {
  /** The literal runs between the stars: one = no star. */
  readonly parts: readonly string[]
}

export function globOf(parts: readonly string[]): Glob {
  return { parts }
}

export function parseGlob(pattern: string): Glob {
  return { parts: pattern.split('*') }
}

/**
 * Leftmost match of each inner part is enough: what follows a star can only gain room from it. So
 * no pattern backtracks, whatever the text.
 */
export function matchGlob(glob: Glob, text: string): boolean {
  const { parts } = glob
  const first = parts[0] ?? ''
  const last = parts[parts.length - 1] ?? ''
  if (parts.length <= 1) return text === first
  if (text.length < first.length + last.length) return false
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  const end = text.length - last.length
  let at = first.length
  for (let i = 1; i < parts.length - 1; i++) {
    const part = parts[i] ?? ''
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** More literal characters = more specific; without a star before all with one. */
export function compareSpecificity(a: string, b: string): number {
  const starless = Number(a.includes('*')) - Number(b.includes('*'))
  return starless || literalLength(b) - literalLength(a) || (a < b ? -1 : a > b ? 1 : 0)
}

function literalLength(pattern: string): number {
  return pattern.replaceAll('*', '').length
}
