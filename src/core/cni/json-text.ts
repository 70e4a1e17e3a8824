/**
 * One member of a JSON object as it was written (RFC 8259, §4): what is handed on keeps its numbers, escapes and
 * order, which parsing and printing would not.
 */

export interface TextSpan {
  readonly start: number
  readonly end: number
}

/** Strings whole, so that nothing inside one counts; then the structural characters that do. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/** The value of the object's member; of several the last, as JSON.parse has it. `text` is valid JSON. */
export function memberSpan(text: string, name: string): TextSpan | null {
  let found: TextSpan | null = null
  let depth = 0
  let key = ''
  let start = -1
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const isEnd = depth === 1 && (token === ',' || token === '}')
    if (isEnd && start >= 0) {
      if (key === name) found = trimmed(text, { start, end: index })
      start = -1
    } else if (depth === 1 && token.startsWith('"') && start < 0) {
      key = JSON.parse(token) as string
    } else if (depth === 1 && token === ':') {
      start = index + 1
    }
    if (token === '{' || token === '[') depth++
    if (token === '}' || token === ']') depth--
  }
  return found
}

function trimmed(text: string, { start, end }: TextSpan): TextSpan {
  const value = text.slice(start, end)
  const from = start + value.length - value.trimStart().length
  return { start: from, end: from + value.trim().length }
}

/** The object with that member's value in place of its own; in front where it had none. */
export function withMember(text: string, name: string, value: string): string {
  const span = memberSpan(text, name)
  if (span !== null) return text.slice(0, span.start) + value + text.slice(span.end)
  const at = text.indexOf('{') + 1
  const isEmpty = text.slice(at).trimStart().startsWith('}')
  return `${text.slice(0, at)}${JSON.stringify(name)}:${value}${isEmpty ? '' : ','}${text.slice(at)}`
}
