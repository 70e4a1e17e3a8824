import { fromLatin1 } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { type FieldLines, isToken, listOf, parseFieldLines } from './fields.js'
import { type Body, requestBody } from './framing.js'
import { hostOf, parseTarget } from './target.js'

const REQUEST_LINE = /^([^ ]+) ([^ ]+) HTTP\/(\d)\.(\d)$/

export interface Request {
  readonly method: string
  /** The opener offers to leave HTTP/1 after this message (RFC 9110 §7.8, §9.3.6). */
  readonly leaves: 'connect' | 'upgrade' | null
  /** Of 'upgrade': the protocols, lower case. */
  readonly offers: readonly string[]
  /** HTTP2-Settings (RFC 7540 §3.2.1); null = none that can be read. */
  readonly http2Settings: Uint8Array | null
  readonly body: Body
  readonly fields: Fields
  readonly detail: () => Fields
}
export type RequestOrClause = Request | { readonly clause: string }

/** A head that frames doubtfully is malformed; one that only names its resource doubtfully carries a flag. */
export function parseRequest(lines: readonly string[]): RequestOrClause {
  const [, method = '', target = '', major, minor] = REQUEST_LINE.exec(lines[0] ?? '') ?? []
  if (!isToken(method)) return { clause: 'RFC 9112 §3 request-line' }
  if (major !== '1') return { clause: 'RFC 9112 §2.3 version' }
  const parsed = parseFieldLines(lines.slice(1))
  if ('clause' in parsed) return parsed
  const old = minor === '0'
  const body = requestBody(parsed.fields, old)
  if (body.kind === 'malformed') return body
  const version = `HTTP/1.${minor}`
  const connect = method === 'CONNECT'
  // Whether such octets are content or the tunnel's, servers differ (RFC 9110 §9.3.6).
  if (connect && !(body.kind === 'octets' && body.octets === 0)) {
    return { clause: 'RFC 9110 §9.3.6 CONNECT with content' }
  }
  // An HTTP/1.0 client cannot upgrade: its Upgrade is ignored (RFC 9110 §7.8).
  const offers = old ? [] : listOf(parsed.fields, 'upgrade')
  return {
    method,
    leaves: connect ? 'connect' : offers.length > 0 ? 'upgrade' : null,
    offers,
    http2Settings: offers.includes('h2c') ? http2Settings(parsed.fields) : null,
    body,
    fields: identified({ method, target, version }, parsed.fields, old),
    detail: () => headers(parsed.fields),
  }
}

/** What a request line says, with whose resource it is. */
function identified(
  line: { method: string; target: string; version: string },
  fields: FieldLines,
  old: boolean,
): Fields {
  const parsed = parseTarget(line.method, line.target)
  const hosts = fields.get('host') ?? []
  const named = hosts[0] === undefined ? undefined : hostOf(hosts[0])
  const wanted = parsed?.authority === undefined ? undefined : hostOf(parsed.authority)
  const host = wanted ?? named
  // Exactly one Host in HTTP/1.1 (RFC 9112 §3.2); a target's authority overrides it, but servers that
  // look at Host alone are common, so the two must agree.
  const ambiguous =
    hosts.length > 1 ||
    (hosts.length === 0 && !old) ||
    named === null ||
    wanted === null ||
    (wanted !== undefined && named !== undefined && wanted !== named)
  const all: FieldsDraft = line
  if (typeof host === 'string') all.host = host
  if (parsed?.path !== undefined) all.path = parsed.path
  if (ambiguous) all.ambiguousHost = true
  if (parsed === null) all.malformed = true
  return all
}

/** Which of several lines of one name a server takes is its own affair: doubtful where they differ. */
function headers(fields: FieldLines): Fields {
  const named: Record<string, string | boolean> = {}
  for (const [name, values] of fields) {
    const isOne = values.every((value) => value === values[0])
    named[`header.${name}`] = isOne ? (values[0] ?? '') : values.join(', ')
    if (!isOne) named[`ambiguousHeader.${name}`] = true
  }
  return named
}

/** Exactly one field line (RFC 7540 §3.2.1), base64url without padding. */
function http2Settings(fields: FieldLines): Uint8Array | null {
  const values = fields.get('http2-settings') ?? []
  const [value = ''] = values
  if (values.length !== 1 || !/^[A-Za-z0-9_-]*$/.test(value) || value.length % 4 === 1) return null
  return fromLatin1(atob(value.replaceAll('-', '+').replaceAll('_', '/')))
}
