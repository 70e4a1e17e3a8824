import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { anyOf, LETTERS } from '../begins.js'

type Answer = 'yes' | 'no' | 'more'

export const PROBE_OCTETS = 512
/** HTTP/2's, whole (RFC 9113 §3.4). */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const PREFACE_LINE = 'PRI * HTTP/2.0\r\n'
const METHODS = new Set(
  'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH PURGE'.split(
    ' ',
  ),
)
const METHOD_CHARACTERS = 32
/** Of a method, or of what a lenient server skips before it. */
export const FIRST_CHARACTERS = anyOf(`${LETTERS}0123456789!#$%&'*+-.^_\`|~\r\n\t `)
const METHOD_PREFIX = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]*/

/** As far as a reason phrase, which may be absent. */
const STATUS = /^HTTP\/1\.\d \d{3}[ \r\n]/
/** What makes a status line of any beginning of one. */
const STATUS_LEFT = 'HTTP/1.1 200 '
const STATUS_OCTETS = STATUS_LEFT.length

/**
 * HTTP is client-first: a server that speaks alone and not in HTTP speaks something else. In HTTP it does
 * where it gives up on a client (RFC 9110 §15.5.9), or the request was not seen.
 */
export function probeHttp(heads: Readonly<Record<Dir, Uint8Array>>): Answer {
  const { orig, reply } = heads
  if (orig.length > 0) return probeRequest(latin1(orig, 0, Math.min(orig.length, PROBE_OCTETS)))
  const status = latin1(reply, 0, Math.min(reply.length, STATUS_OCTETS))
  if (STATUS.test(status)) return 'yes'
  return status.length < STATUS_OCTETS && STATUS.test(status + STATUS_LEFT.slice(status.length))
    ? 'more'
    : 'no'
}

/** Wider than the grammar: what a lenient server would take for HTTP must reach the strict parser. */
function probeRequest(head: string): Answer {
  const text = head.replace(/^[\r\n\t ]+/, '')
  if (text === '') return head.length < PROBE_OCTETS ? 'more' : 'no'
  if (head.startsWith(PREFACE)) return 'no'
  if (PREFACE.startsWith(head)) return 'more'
  if (text.startsWith(PREFACE_LINE)) return 'yes'
  const method = METHOD_PREFIX.exec(text)?.[0] ?? ''
  if (method === '' || method.length > METHOD_CHARACTERS) return 'no'
  if (method.length === text.length) return 'more'
  const separator = text[method.length]
  if (separator !== ' ' && separator !== '\t') return 'no'
  const known = METHODS.has(method.toUpperCase())
  return probeTarget(text.slice(method.length).replace(/^[\t ]+/, ''), known, head.length)
}

function probeTarget(rest: string, known: boolean, seen: number): Answer {
  if (known && /^(?:\/|https?:\/\/)/i.test(rest)) return 'yes'
  const line = /^[^\r\n]*(?=[\r\n])/.exec(rest)?.[0]
  // Of a method that nobody knows; DNS over TCP may begin so.
  if (!known && (line ?? rest).includes('\0')) return 'no'
  // The version ends the line: SIP and RTSP differ from HTTP in nothing else.
  if (line !== undefined) return /[ \t]HTTP\/[0-9.]+[ \t]*$/.test(line) ? 'yes' : 'no'
  if (seen < PROBE_OCTETS) return 'more'
  return rest.startsWith('/') ? 'yes' : 'no'
}
