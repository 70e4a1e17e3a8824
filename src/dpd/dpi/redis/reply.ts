/** Replies of RESP2 and RESP3: where each ends, and how it begins. Values are skipped. */
import { latin1 } from '../../../core/bytes.js'
import { isLineEnd, NumberLine } from './number-line.js'

/** Aggregates in aggregates; clients of Redis refuse 9 and more. */
const DEPTH = 32
/** A simple string, error or number. Redis cuts errors short, a script's status may be longer. */
const LINE_OCTETS = 16_384
/** `-MISCONF`, `-CLUSTERDOWN`: the first word of an error. */
const CODE_OCTETS = 64
const LF = 0x0a
const STREAMED = Number.POSITIVE_INFINITY

const chr = (text: string): number => text.charCodeAt(0)
const ARRAY = chr('*')
const PUSH = chr('>')
const ATTRIBUTE = chr('|')
const MAP = chr('%')
const BULK_ERROR = chr('!')
const ERROR = chr('-')
const CHUNK = chr(';')
const END = chr('.')
const LINES = new Set([...'+-:_,#('].map(chr))
const BULKS = new Set([...'$!='].map(chr))
const AGGREGATES = new Set([...'*~>%|'].map(chr))

export type Beginning =
  | { readonly kind: 'ok' }
  | { readonly kind: 'error'; readonly code: string }
  /** An array or push whose first element is this short word, where asked for. */
  | { readonly kind: 'words'; readonly isPush: boolean; readonly word: string }

export type ReplyStep =
  | { readonly kind: 'need'; readonly octets: number }
  | { readonly kind: 'malformed'; readonly clause: string }
  /** One element's header was read; `skip` octets of value follow it. */
  | { readonly kind: 'read'; readonly end: number; readonly skip: number }

const malformed = (clause: string): ReplyStep => ({ kind: 'malformed', clause })
const line = new NumberLine()
const OK: Beginning = { kind: 'ok' }

export class ReplyReader {
  /** Elements left of each open aggregate, outermost first. */
  readonly #left: number[] = []
  /** Which of them are attributes: these come before a value and are none. */
  readonly #attributes: boolean[] = []
  #phase: 'element' | 'value end' | 'chunk' = 'element'
  /** The value whose end is awaited is a chunk of a streamed string. */
  #isChunk = false
  /** Octets of the line in the window that are known to have no end. */
  #scanned = 0
  #isWhole = true

  /** Between two replies. */
  get isBetween(): boolean {
    return this.#isWhole
  }

  /** How the reply at `from` begins; null = not there yet. Asked between replies only. */
  beginning(input: Uint8Array, from: number, withWords: boolean): Beginning | null {
    const type = input[from]
    if (type === ERROR) return errorAt(input, from + 1, input.length)
    if (type === BULK_ERROR) return bulkErrorAt(input, from)
    if (type !== PUSH && !(withWords && type === ARRAY)) return OK
    const word = firstWord(input, from + 1)
    return word === null ? null : { kind: 'words', isPush: type === PUSH, word }
  }

  /** The next element, or what is left of one. */
  step(input: Uint8Array, at: number): ReplyStep {
    this.#isWhole = false
    if (this.#phase === 'value end') return this.#valueEnd(input, at)
    const type = input[at]
    if (type === undefined) return { kind: 'need', octets: 1 }
    if (this.#phase === 'chunk') return this.#chunk(input, at, type)
    if (LINES.has(type)) return this.#line(input, at)
    if (type === END && this.#left.at(-1) === STREAMED) return this.#endOfStream(input, at)
    if (!BULKS.has(type) && !AGGREGATES.has(type)) return malformed('RESP type')
    if (input[at + 1] === chr('?')) return this.#streamed(input, at, type)
    const header = line.read(input, at + 1)
    if (header === 'need') return { kind: 'need', octets: input.length - at + 1 }
    if (header === 'bad' || line.value < -1) return malformed('RESP length')
    return BULKS.has(type) ? this.#bulk(input, line.value, line.end) : this.#aggregate(type)
  }

  #line(input: Uint8Array, at: number): ReplyStep {
    const lineEnd = input.indexOf(LF, at + this.#scanned)
    const octets = (lineEnd < 0 ? input.length : lineEnd) - at
    if (octets > LINE_OCTETS) return malformed('RESP line length')
    this.#scanned = lineEnd < 0 ? octets : 0
    if (lineEnd < 0) return { kind: 'need', octets: octets + 1 }
    if (!isLineEnd(input, lineEnd - 1)) return malformed('RESP line end')
    return this.#element(lineEnd + 1)
  }

  #bulk(input: Uint8Array, octets: number, begin: number): ReplyStep {
    if (octets < 0) return this.#element(begin)
    const end = begin + octets
    if (end + 2 > input.length) {
      this.#phase = 'value end'
      return { kind: 'read', end: begin, skip: octets }
    }
    return isLineEnd(input, end) ? this.#element(end + 2) : malformed('RESP bulk string end')
  }

  #valueEnd(input: Uint8Array, at: number): ReplyStep {
    if (input.length - at < 2) return { kind: 'need', octets: 2 }
    if (!isLineEnd(input, at)) return malformed('RESP bulk string end')
    this.#phase = this.#isChunk ? 'chunk' : 'element'
    return this.#isChunk ? { kind: 'read', end: at + 2, skip: 0 } : this.#element(at + 2)
  }

  #aggregate(type: number): ReplyStep {
    const count = Math.max(0, line.value) * (type === MAP || type === ATTRIBUTE ? 2 : 1)
    // The value itself is still to come after an attribute.
    if (count === 0 && type === ATTRIBUTE) return { kind: 'read', end: line.end, skip: 0 }
    if (count === 0) return this.#element(line.end)
    return this.#open(count, type, line.end)
  }

  #open(count: number, type: number, end: number): ReplyStep {
    if (this.#left.length >= DEPTH) return malformed('RESP depth')
    this.#left.push(count)
    this.#attributes.push(type === ATTRIBUTE)
    return { kind: 'read', end, skip: 0 }
  }

  /** `?` in place of a length: chunks or elements up to an end mark. */
  #streamed(input: Uint8Array, at: number, type: number): ReplyStep {
    if (input.length - at < 4) return { kind: 'need', octets: 4 }
    if (!isLineEnd(input, at + 2)) return malformed('RESP streamed type')
    const end = at + 4
    if (!BULKS.has(type)) return this.#open(STREAMED, type, end)
    this.#phase = 'chunk'
    this.#isChunk = true
    return { kind: 'read', end, skip: 0 }
  }

  #chunk(input: Uint8Array, at: number, type: number): ReplyStep {
    if (type !== CHUNK) return malformed('RESP streamed string')
    const header = line.read(input, at + 1)
    if (header === 'need') return { kind: 'need', octets: input.length - at + 1 }
    if (header === 'bad' || line.value < 0) return malformed('RESP streamed string')
    if (line.value > 0) {
      this.#phase = 'value end'
      return { kind: 'read', end: line.end, skip: line.value }
    }
    this.#isChunk = false
    this.#phase = 'element'
    return this.#element(line.end)
  }

  #endOfStream(input: Uint8Array, at: number): ReplyStep {
    if (input.length - at < 3) return { kind: 'need', octets: 3 }
    if (!isLineEnd(input, at + 1)) return malformed('RESP end of stream')
    this.#left.pop()
    if (this.#attributes.pop() === true) return { kind: 'read', end: at + 3, skip: 0 }
    return this.#element(at + 3)
  }

  /** An element ends at `end`, and with it each aggregate whose last it is. */
  #element(end: number): ReplyStep {
    for (let top = this.#left.length - 1; top >= 0; top--) {
      const left = (this.#left[top] ?? 0) - 1
      this.#left[top] = left
      if (left > 0) return { kind: 'read', end, skip: 0 }
      this.#left.pop()
      if (this.#attributes.pop() === true) return { kind: 'read', end, skip: 0 }
    }
    this.#isWhole = true
    return { kind: 'read', end, skip: 0 }
  }
}

/** The error's first word; null = its end is not there yet. */
function errorAt(input: Uint8Array, from: number, to: number): Beginning | null {
  for (let at = from; at < to; at++) {
    const octet = input[at] ?? 0
    if (octet <= 0x20 || at - from >= CODE_OCTETS) {
      return { kind: 'error', code: latin1(input, from, at) }
    }
  }
  return null
}

function bulkErrorAt(input: Uint8Array, from: number): Beginning | null {
  const header = line.read(input, from + 1)
  if (header === 'need') return null
  if (header === 'bad' || line.value <= 0) return { kind: 'error', code: '' }
  const { end, value } = line
  const code = errorAt(input, end, Math.min(input.length, end + value))
  if (code !== null || input.length < end + value) return code
  return { kind: 'error', code: latin1(input, end, end + value) }
}

/** Of pub/sub messages; '' = the first element is something else, null = not there yet. */
function firstWord(input: Uint8Array, from: number): string | null {
  const count = line.read(input, from)
  if (count === 'need') return null
  if (count === 'bad' || line.value < 1) return ''
  const first = line.end
  if (first >= input.length) return null
  if (input[first] !== chr('$')) return ''
  const header = line.read(input, first + 1)
  if (header === 'need') return null
  const { end, value } = line
  if (header === 'bad' || value < 1 || value > CODE_OCTETS) return ''
  return input.length < end + value ? null : latin1(input, end, end + value).toLowerCase()
}
