/** Commands as a line of words (Redis protocol specification, "Inline commands"; sdssplitargs of sds.c). */
import { latin1 } from '../../../core/bytes.js'
import { type CommandRead, commandOf, HEAD_OCTETS, malformedRead } from './command.js'
import { specOf } from './command-table.js'

const LF = 0x0a
/** isspace of C; a NUL ends the line for the server. */
const BLANK = /^[ \t\n\v\f\r]+/
/** Ends a word outside of quotes: no \v and no \f. */
const END = /^[ \t\n\r]/
const WORD = /^(?:"((?:\\[\s\S]|[^"\\])*)"|'((?:\\'|[^'])*)'|([^ \t\n\r"']+))/
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g
const NAMED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' }

/** `resume` = octets from `from` on that are known to have no line end. */
export function readInline(input: Uint8Array, from: number, resume: number): CommandRead {
  const lineEnd = input.indexOf(LF, from + resume)
  const octets = (lineEnd < 0 ? input.length : lineEnd) - from
  if (octets > HEAD_OCTETS) return malformedRead('Redis inline command length')
  if (lineEnd < 0) return { kind: 'need', octets: octets + 1 }
  const words = splitWords(latin1(input, from, lineEnd))
  const end = lineEnd + 1
  if (words === null) return malformedRead('Redis inline command quotes')
  if (words.length === 0) return { kind: 'empty', end }
  const spec = specOf(words[0] ?? '')
  return commandOf(spec, words, { count: words.length, left: 0, end, isCut: false })
}

/** null = quotes without an end, or with something right after it. */
export function splitWords(line: string): readonly string[] | null {
  const words: string[] = []
  let rest = line.split('\0', 1)[0] ?? ''
  for (;;) {
    rest = rest.replace(BLANK, '')
    if (rest === '') return words
    let word = ''
    // A quoted part ends its word; an unquoted one may go over into a quoted one.
    for (;;) {
      const match = WORD.exec(rest)
      if (match === null) return null
      const [whole, double, single, plain] = match
      rest = rest.slice(whole.length)
      if (plain !== undefined) word += plain
      else word += double === undefined ? unquoteSingle(single ?? '') : unquote(double)
      const isQuoted = plain === undefined
      if (isQuoted && rest !== '' && !BLANK.test(rest)) return null
      if (isQuoted || rest === '' || END.test(rest)) break
    }
    words.push(word)
  }
}

const unquote = (text: string): string =>
  text.replace(ESCAPE, (_, hex: string | undefined, octet: string) =>
    hex === undefined ? (NAMED[octet] ?? octet) : String.fromCharCode(Number.parseInt(hex, 16)),
  )

const unquoteSingle = (text: string): string => text.replaceAll("\\'", "'")
