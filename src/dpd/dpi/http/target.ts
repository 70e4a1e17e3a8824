/** Whom and what a request is for (RFC 9112 §3.2, RFC 9110 §7.2). */
import { asciiLower } from '../../../core/bytes.js'

/** A host whose reading recipients agree on: reg-name without percent-encoding, IPv4, or an IPv6 literal. */
const HOST = /^(?:[0-9a-z_-]+(?:\.[0-9a-z_-]+)*\.?|\[[0-9a-f:.]+\]|)$/
const AUTHORITY = /^([^@]*?)(?::([0-9]{0,5}))?$/
const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^#]*)$/
/** RFC 3986 §3.2: what else stands there may begin the path. */
const IN_AUTHORITY = /^[!$&'()*+,;=:@%[\]0-9A-Za-z._~-]*$/
/** Visible ASCII but '#', which a target never holds (RFC 9112 §3.2.1). */
const ORIGIN = /^\/[!"$-~]*$/

export interface Target {
  /** As sent, without the query; absent where the form has none. */
  readonly path?: string
  /** Of absolute-form and authority-form; it overrides Host. */
  readonly authority?: string
}

/** null = a form that the method does not have, or octets that no target has. */
export function parseTarget(method: string, target: string): Target | null {
  if (method === 'CONNECT') return /^[^/?#@]+:[0-9]+$/.test(target) ? { authority: target } : null
  if (target === '*') return method === 'OPTIONS' ? { path: '*' } : null
  if (ORIGIN.test(target)) return { path: withoutQuery(target) }
  const absolute = ABSOLUTE.exec(target)
  if (absolute === null) return null
  const [, , authority = '', rest = ''] = absolute
  // Of an empty one (RFC 9110 §4.2.1), or one with a backslash, the URL standard has another host and path.
  if (authority === '' || !isAuthority(authority)) return null
  const path = withoutQuery(rest.startsWith('/') ? rest : `/${rest}`)
  return ORIGIN.test(path) ? { path, authority } : null
}

export const isAuthority = (text: string): boolean => IN_AUTHORITY.test(text)

function withoutQuery(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

/** Lower case, without port and final dot; null = userinfo, bad characters, an empty label. */
export function hostOf(authority: string): string | null {
  const host = asciiLower(AUTHORITY.exec(authority)?.[1] ?? '%')
  if (!HOST.test(host)) return null
  return host.endsWith('.') ? host.slice(0, -1) : host
}
