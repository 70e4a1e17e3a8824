/** Streams of memcached's text protocol: lines and data blocks of either direction. */
import { latin1 } from '../../../core/bytes.js'
import type { At, Fact, Next, Step } from '../../../core/inspect/contract.js'
import { readLine, readLongLine } from './text-command.js'
import { outcomeOf, type ReplyLine, readReplyLine } from './text-reply.js'
import type { Transactions } from './transactions.js'

/** Read of one line; retrievals of more have untold keys. The server's own limit is 2048, but for those. */
export const LINE_OCTETS = 8_192
const CR = 0x0d
const LF = 0x0a

/** Where one direction is. */
export interface TextPosition {
  /** A data block was skipped up to its line end. */
  inBlockEnd: boolean
  /** The rest of a line that was too long to read. */
  inLongLine: boolean
  /** Octets of the line in the window that are known to have no end. */
  scanned: number
}

export const openPosition = (): TextPosition => ({
  inBlockEnd: false,
  inLongLine: false,
  scanned: 0,
})

const need = (octets: number): Next => ({ kind: 'need', octets })
const malformed = (what: string): Next => ({
  kind: 'malformed',
  clause: `memcached protocol.txt ${what}`,
})

type Line = { readonly text: string; readonly end: number; readonly isLong: boolean }

/** A line from `from` on, or what is wanted before there is one. */
function lineAt(position: TextPosition, input: Uint8Array, from: number): Line | Next {
  const lineEnd = input.indexOf(LF, from + position.scanned)
  const octets = (lineEnd < 0 ? input.length : lineEnd) - from
  position.scanned = 0
  if (octets > LINE_OCTETS) {
    return { text: latin1(input, from, from + LINE_OCTETS), end: from + LINE_OCTETS, isLong: true }
  }
  if (lineEnd < 0) {
    position.scanned = octets
    return need(octets + 1)
  }
  const hasCr = lineEnd > from && input[lineEnd - 1] === CR
  const text = latin1(input, from, hasCr ? lineEnd - 1 : lineEnd)
  return { text, end: lineEnd + 1, isLong: false }
}

/** Passes a data block, or asks to skip what is not there of it. */
function passBlock(position: TextPosition, input: Uint8Array, from: number, octets: number) {
  const end = from + octets
  position.inBlockEnd = true
  return end <= input.length
    ? { end, next: null }
    : { end: from, next: { kind: 'skip', octets } satisfies Next }
}

/** null = passed. */
function blockEnd(position: TextPosition, input: Uint8Array, at: number): Next | null {
  if (input.length - at < 2) return need(2)
  if (input[at] !== CR || input[at + 1] !== LF) return malformed('data block')
  position.inBlockEnd = false
  return null
}

export function readTextCommands(
  position: TextPosition,
  transactions: Transactions,
  input: Uint8Array,
  at: At,
): Step {
  const facts: Fact[] = []
  let used = 0
  while (used < input.length) {
    if (position.inBlockEnd) {
      const next = blockEnd(position, input, used)
      if (next !== null) return { take: used, facts, next }
      used += 2
      continue
    }
    if (position.inLongLine) {
      const lineEnd = input.indexOf(LF, used)
      position.inLongLine = lineEnd < 0
      used = lineEnd < 0 ? input.length : lineEnd + 1
      continue
    }
    const line = lineAt(position, input, used)
    if ('kind' in line) return { take: used, facts, next: line }
    const read = line.isLong ? readLongLine(line.text) : readLine(line.text)
    if (read.kind === 'malformed') return { take: used, facts, next: read }
    transactions.request(facts, at + used, read.fields, read.replies)
    position.inLongLine = line.isLong
    position.inBlockEnd = read.block !== null
    // One command a step: a reply may have waited for just that.
    const next: Next = read.block === null ? need(1) : { kind: 'skip', octets: read.block }
    return { take: line.end, facts, next }
  }
  return { take: used, facts, next: need(1) }
}

/** Of the reply that is being read. */
export interface ReplyProgress {
  readonly position: TextPosition
  /** Its first line was told. */
  isTold: boolean
  /** It ends with the data block being passed. */
  endsWithBlock: boolean
  /** After `watch` the server's lines are a log. */
  isLog: boolean
}

export const openProgress = (): ReplyProgress => ({
  position: openPosition(),
  isTold: false,
  endsWithBlock: false,
  isLog: false,
})

export function readTextReplies(
  progress: ReplyProgress,
  transactions: Transactions,
  input: Uint8Array,
  at: At,
): Step {
  const { position } = progress
  const facts: Fact[] = []
  let used = 0
  while (used < input.length) {
    if (progress.isLog) return { take: used, facts, next: { kind: 'skip', octets: 'toEnd' } }
    if (position.inBlockEnd) {
      const next = blockEnd(position, input, used)
      if (next !== null) return { take: used, facts, next }
      used += 2
      transactions.replyAt = at + used
      if (progress.endsWithBlock) end(progress, transactions, facts)
      continue
    }
    const line = lineAt(position, input, used)
    if ('kind' in line) return { take: used, facts, next: line }
    if (line.isLong) return { take: used, facts, next: malformed('line length of a reply') }
    const read = readReplyLine(line.text)
    const begin = at + used
    used = line.end
    transactions.replyAt = at + used
    tell(progress, transactions, read, begin, facts)
    if (read.block === null) continue
    const passed = passBlock(position, input, used, read.block)
    used = passed.end
    if (passed.next !== null) return { take: used, facts, next: passed.next }
  }
  return { take: used, facts, next: need(1) }
}

function tell(
  progress: ReplyProgress,
  transactions: Transactions,
  line: ReplyLine,
  begin: At,
  facts: Fact[],
): void {
  const replies = transactions.oldest?.replies
  if (replies === undefined) return
  // Before it are outcomes of quiet commands.
  if (replies === 'noop' && line.word !== 'MN' && !line.isError) return
  if (!progress.isTold) transactions.reply(facts, begin, outcomeOf(line))
  progress.isTold = true
  if (replies === 'to end' && !line.isLast) return
  progress.endsWithBlock = line.block !== null
  if (progress.endsWithBlock) return
  end(progress, transactions, facts)
  progress.isLog = replies === 'log' && !line.isError
  if (progress.isLog) transactions.unfollow(facts)
}

function end(progress: ReplyProgress, transactions: Transactions, facts: Fact[]): void {
  transactions.end(facts)
  progress.isTold = false
  progress.endsWithBlock = false
}
