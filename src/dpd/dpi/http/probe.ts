import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { anyOf, LETTERS } from '../begins.js'

type Answer = 'yes' | 'no' | 'more'

/** Empty lines, a method, and of a target as much as decides. */
export const PROBE_OCTETS = 1_536
const ENOUGH_OCTETS = 512
/** HTTP/2's, whole (RFC 9113 §3.4). */
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
const PREFACE_LINE = 'PRI * HTTP/2.0\r\n'
/** Those that a server in use takes from a request-line without a version, as of HTTP/0.9 (Node has all of them). */
const METHODS = new Set(
  `GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH
PURGE BIND REBIND UNBIND ACL MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE MKCALENDAR LINK UNLINK
SOURCE QUERY`.split(/\s/),
)
const METHOD_CHARACTERS = 32
/** What some take for white space: Python splits the line at each of these. */
const SPACES = '[\\t\\v\\f\\r\\x1c-\\x20\\x85\\xa0]'
const LEADING_SPACES = new RegExp(`^(?:${SPACES}|\\n)+`)
const SEPARATOR = new RegExp(`^${SPACES}+`)
/** Of a method, or of what a lenient server skips before it. */
export const FIRST_CHARACTERS = anyOf(
  `${LETTERS}0123456789!#$%&'*+-.^_\`|~\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0`,
)
/** The version ends the line: SIP and RTSP differ from HTTP in nothing else. */
const VERSION_AT_END = new RegExp(`(?:^|${SPACES})HTTP/[0-9.]+${SPACES}*$`)
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
  const text = head.replace(LEADING_SPACES, '')
  // So many empty lines are passed over by servers, and sent by nobody.
  if (head.length - text.length >= ENOUGH_OCTETS) return isOfLineEnds(head.slice(0, ENOUGH_OCTETS))
  if (text === '') return 'more'
  if (head.startsWith(PREFACE)) return 'no'
  if (PREFACE.startsWith(head)) return 'more'
  if (text.startsWith(PREFACE_LINE)) return 'yes'
  const method = METHOD_PREFIX.exec(text)?.[0] ?? ''
  if (method === '' || method.length > METHOD_CHARACTERS) return 'no'
  if (method.length === text.length) return 'more'
  const behind = text.slice(method.length)
  const target = behind.replace(SEPARATOR, '')
  const known = METHODS.has(method.toUpperCase())
  // Others know only the methods that they were made for.
  if (target.length === behind.length || (!known && !/^[ \t]/.test(behind))) return 'no'
  if (behind.length - target.length >= ENOUGH_OCTETS) return known ? 'yes' : 'no'
  return probeTarget(target, known, METHODS.has(method))
}

const isOfLineEnds = (head: string): Answer => (/^[\r\n]+$/.test(head) ? 'yes' : 'no')

/**
 * `isExact`: the method is known as it stands; memcached's `get` takes URLs for keys. What is beyond enough decides
 * nothing: it may have come with the rest, or later.
 */
function probeTarget(target: string, known: boolean, isExact: boolean): Answer {
  const rest = target.slice(0, ENOUGH_OCTETS)
  const isPath = /^(?:\/|[a-z][a-z0-9+.-]*:\/\/)/i.test(rest)
  if (isExact && isPath) return 'yes'
  const line = /^[^\n]*(?=\n)/.exec(rest)?.[0]
  // Of a method that nobody knows; DNS over TCP may begin so.
  if (!known && (line ?? rest).includes('\0')) return 'no'
  if (line !== undefined) return VERSION_AT_END.test(line) ? 'yes' : 'no'
  if (rest.length < ENOUGH_OCTETS) return 'more'
  return isExact || isPath ? 'yes' : 'no'
}
