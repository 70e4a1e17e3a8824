/** Where a message ends (RFC 9112 §6). */
import { type FieldLines, isToken, listOf } from './fields.js'

export type Body =
  | { readonly kind: 'octets'; readonly octets: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'untilClose' }

type BodyOrClause = Body | { readonly kind: 'malformed'; readonly clause: string }

const NONE: Body = { kind: 'octets', octets: 0 }
const malformed = (clause: string): BodyOrClause => ({ kind: 'malformed', clause })

/** A request that two recipients could frame differently is how requests are smuggled: malformed. */
export function requestBody(fields: FieldLines, old: boolean): BodyOrClause {
  if (!fields.has('transfer-encoding')) return contentLength(fields) ?? NONE
  if (fields.has('content-length')) {
    return malformed('RFC 9112 §6.3 Transfer-Encoding with Content-Length')
  }
  if (old) return malformed('RFC 9112 §6.1 Transfer-Encoding in HTTP/1.0')
  // Parameters and quoted commas are read in many ways, and no coding in use has any.
  if (hasEmptyMember(fields, 'transfer-encoding')) return malformed('RFC 9110 §5.6.1 empty member')
  if (!listOf(fields, 'transfer-encoding').every(isToken)) {
    return malformed('RFC 9112 §7 transfer-coding')
  }
  if (!endsChunked(fields)) return malformed('RFC 9112 §6.3 chunked is not the final coding')
  return { kind: 'chunked' }
}

export function replyBody(
  fields: FieldLines,
  status: number,
  toHead: boolean,
  toConnect: boolean,
): BodyOrClause {
  const tunnel = toConnect && status >= 200 && status < 300
  if (toHead || status < 200 || status === 204 || status === 304 || tunnel) return NONE
  // Of a reply, Transfer-Encoding overrides Content-Length (RFC 9112 §6.3): no request hides there.
  if (fields.has('transfer-encoding')) {
    return endsChunked(fields) ? { kind: 'chunked' } : { kind: 'untilClose' }
  }
  return contentLength(fields) ?? { kind: 'untilClose' }
}

/** Recipients must skip them (RFC 9110 §5.6.1); not all do, and no sender has them here. */
const hasEmptyMember = (fields: FieldLines, name: string): boolean =>
  (fields.get(name) ?? []).some((value) => /(?:^|,)[ \t]*(?:,|$)/.test(value))

/** chunked last and once (RFC 9112 §6.1). */
function endsChunked(fields: FieldLines): boolean {
  const codings = listOf(fields, 'transfer-encoding')
  return codings.indexOf('chunked') === codings.length - 1 && codings.length > 0
}

/** undefined = no such field; repeats of one value are that value (RFC 9110 §8.6). */
function contentLength(fields: FieldLines): BodyOrClause | undefined {
  if (!fields.has('content-length')) return undefined
  if (hasEmptyMember(fields, 'content-length')) return malformed('RFC 9110 §8.6 Content-Length')
  const lengths = new Set(listOf(fields, 'content-length'))
  const [length = ''] = lengths
  if (lengths.size !== 1) return malformed('RFC 9112 §6.3 differing Content-Length')
  const octets = /^[0-9]+$/.test(length) ? Number(length) : Number.NaN
  if (!Number.isSafeInteger(octets)) return malformed('RFC 9110 §8.6 Content-Length')
  return { kind: 'octets', octets }
}
