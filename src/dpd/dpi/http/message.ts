/** One direction's messages: head, then body, then the next head. Shared by requests and replies. */
import type { At, Next } from '../../../core/inspect/contract.js'
import { scanChunkLine } from './chunk.js'
import { parseFieldLines } from './fields.js'
import type { Body } from './framing.js'
import { scanLines } from './lines.js'

export type Phase = 'head' | 'chunkLine' | 'chunkEnd' | 'trailers' | 'untilClose'

export interface MessageState {
  phase: Phase
  /** Where the next message's head began, and how far it was scanned without finding its end. */
  headAt: At
  scannedTo: At
}

export const openMessage = (): MessageState => ({ phase: 'head', headAt: 0, scannedTo: 0 })

/** The octets of one step and how far they are used. */
export interface Cursor {
  readonly input: Uint8Array
  readonly at: At
  readonly ended: boolean
  used: number
}

export const position = (cursor: Cursor): At => cursor.at + cursor.used

export type HeadLines =
  | { readonly kind: 'head'; readonly lines: readonly string[]; readonly begin: At }
  | { readonly kind: 'next'; readonly next: Next }

export const malformed = (clause: string): Next => ({ kind: 'malformed', clause })

/** One octet more than what is there: the wish of a scan that knows no length. */
export const needMore = (cursor: Cursor): Next => ({
  kind: 'need',
  octets: cursor.input.length - cursor.used + 1,
})

/** Uses the head when it is whole. */
export function readHead(state: MessageState, cursor: Cursor): HeadLines {
  const begin = position(cursor)
  if (state.headAt !== begin) {
    state.headAt = begin
    state.scannedTo = begin
  }
  const scan = scanLines(cursor.input, cursor.used, state.scannedTo - cursor.at)
  if (scan.kind === 'malformed') return { kind: 'next', next: malformed(scan.clause) }
  if (scan.kind === 'more') {
    state.scannedTo = cursor.at + scan.resume
    return { kind: 'next', next: needMore(cursor) }
  }
  cursor.used = scan.end
  return { kind: 'head', lines: scan.lines, begin }
}

/** What follows the head whose body this is; undefined = the next head may. */
export function beginBody(state: MessageState, cursor: Cursor, body: Body): Next | undefined {
  if (body.kind === 'octets') {
    return body.octets === 0 ? undefined : { kind: 'skip', octets: body.octets }
  }
  if (body.kind === 'untilClose' && cursor.ended) {
    cursor.used = cursor.input.length
    return undefined
  }
  state.phase = body.kind === 'chunked' ? 'chunkLine' : 'untilClose'
  return body.kind === 'chunked' ? undefined : { kind: 'skip', octets: 'toEnd' }
}

/** Goes on in a chunked body; undefined = the message ended and the phase is 'head' again. */
export function readBody(state: MessageState, cursor: Cursor): Next | undefined {
  for (;;) {
    if (state.phase === 'head') return undefined
    if (state.phase === 'untilClose') return { kind: 'skip', octets: 'toEnd' }
    if (state.phase === 'trailers') return readTrailers(state, cursor)
    const next = state.phase === 'chunkEnd' ? readChunkEnd(state, cursor) : readChunk(state, cursor)
    if (next !== undefined) return next
  }
}

function readChunk(state: MessageState, cursor: Cursor): Next | undefined {
  const line = scanChunkLine(cursor.input, cursor.used)
  if (line.kind === 'more') return needMore(cursor)
  if (line.kind === 'malformed') return malformed(line.clause)
  cursor.used = line.end
  state.phase = line.octets === 0 ? 'trailers' : 'chunkEnd'
  if (line.octets === 0) return undefined
  if (line.octets > cursor.input.length - cursor.used) return { kind: 'skip', octets: line.octets }
  cursor.used += line.octets
  return undefined
}

function readChunkEnd(state: MessageState, cursor: Cursor): Next | undefined {
  const [first, second] = cursor.input.subarray(cursor.used, cursor.used + 2)
  const bad = (first !== undefined && first !== 0x0d) || (second !== undefined && second !== 0x0a)
  if (bad) return malformed('RFC 9112 §7.1 chunk-data end')
  if (second === undefined) return needMore(cursor)
  cursor.used += 2
  state.phase = 'chunkLine'
  return undefined
}

function readTrailers(state: MessageState, cursor: Cursor): Next | undefined {
  const section = readHead(state, cursor)
  if (section.kind === 'next') return section.next
  const fields = parseFieldLines(section.lines)
  if ('clause' in fields) return malformed(fields.clause)
  state.phase = 'head'
  return undefined
}
