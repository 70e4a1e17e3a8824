/** Replies of memcached's text protocol: lines, and the data blocks after VALUE and VA. */
import type { Fields } from '../../../core/inspect/contract.js'

const ERRORS = new Set(['ERROR', 'CLIENT_ERROR', 'SERVER_ERROR'])
const LAST = new Set(['END', 'RESET', 'OK', 'BUSY', 'BADCLASS', 'EN'])
/** \S has no place here: an octet of a key may be \xa0. */
const VALUE = /^VALUE [^ ]+ \d+ (\d{1,10})(?: \d+)?$/
const VA = /^VA (\d{1,10})(?: |$)/

export interface ReplyLine {
  readonly word: string
  readonly isError: boolean
  /** Ends a reply of several lines. */
  readonly isLast: boolean
  /** Octets of the data block after it, null = none. */
  readonly block: number | null
}

export function readReplyLine(line: string): ReplyLine {
  const word = line.split(' ', 1)[0] ?? ''
  const isError = ERRORS.has(word)
  const block = VALUE.exec(line)?.[1] ?? VA.exec(line)?.[1]
  return {
    word,
    isError,
    isLast: isError || LAST.has(word),
    block: block === undefined ? null : Number(block),
  }
}

/** What is no error went well: a number, VALUE, STAT, a line of a dump. */
export const outcomeOf = ({ word, isError }: ReplyLine): Fields => ({
  status: isError ? 'error' : 'ok',
  code: /^[A-Z_]+$/.test(word) ? word : '',
})
