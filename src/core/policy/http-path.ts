/**
 * HTTP paths in the spelling that rules compare: no query, percent-decoded once, runs of `/` made one,
 * dot segments removed (RFC 3986 §5.2.4). Strings here hold one octet per character, so that a path
 * that is no UTF-8 still has one spelling.
 */
import { type Glob, globOf, matchGlob } from './glob.js'

/** Between readings: no path has it. */
const OR = '\0'

/**
 * The path's readings, the one that rules are written for first: where it has dot segments, begins with
 * `//` or has parameters, servers in use go by different ones. Null where they could be many: no rule
 * may allow it.
 */
export function spellPath(target: string): string | null {
  const path = withoutQuery(originForm(target))
  // RFC 3986 §2: a URI is ASCII; RFC 9112 §3.2 has no fragment in a target; what goes by the URL
  // standard takes a backslash for `/`.
  if (/[^\x21-\x7e]|[#\\]/.test(path)) return null
  const decoded = percentDecode(path)
  if (decoded === null || decoded.includes('\0')) return null
  if (!/\/[/.]|;/.test(decoded) || !decoded.startsWith('/')) return decoded
  // Some look for dot segments before they decode a slash, some after it, some both times.
  if (/%2f/i.test(path) && HAS_DOT_SEGMENT.test(decoded)) return null
  return [...new Set(readings(path, decoded))].join(OR)
}

/** A rule that allows must match all readings, one that denies any. */
export function matchPath(pattern: Glob, spelled: string, deny: boolean): boolean {
  if (!spelled.includes(OR)) return matchGlob(pattern, spelled)
  const matches = (reading: string): boolean => matchGlob(pattern, reading)
  return deny ? spelled.split(OR).some(matches) : spelled.split(OR).every(matches)
}

const HAS_DOT_SEGMENT = /\/\.\.?(?:\/|$)/

function readings(path: string, decoded: string): string[] {
  const found = [removeDotSegments(mergeSlashes(decoded))]
  // Routers that compare what was sent, as those of Node and Go; and those that merge last.
  if (HAS_DOT_SEGMENT.test(decoded)) {
    found.push(mergeSlashes(decoded), mergeSlashes(removeDotSegments(decoded)))
  }
  // Resolved against a base URL, as `new URL(request.url, base)` does, the first name is a host.
  const behind = /^\/{2,}[^/]*(.*)$/.exec(path)?.[1]
  if (behind !== undefined) found.push(standing(behind))
  // Servlets see no parameters, and look for dot segments when these are gone.
  if (path.includes(';')) {
    const bare = path.replace(/;[^/]*/g, '')
    found.push(removeDotSegments(mergeSlashes(percentDecode(bare) ?? bare)))
  }
  return found
}

const standing = (path: string): string =>
  mergeSlashes(removeDotSegments(percentDecode(path === '' ? '/' : path) ?? path))

/** A pattern is spelled as a URL's path is, `%2A` is a literal star. Throws on what has a fault. */
export function parsePathGlob(pattern: string): Glob {
  return globOf(
    pattern.split('*').map((part) => {
      const decoded = percentDecode(utf8Octets(part))
      if (decoded === null) throw new RangeError(`path pattern ${JSON.stringify(pattern)}`)
      return decoded
    }),
  )
}

/** Why the pattern can match no path, or null. */
export function pathPatternFault(pattern: string): string | null {
  if (!/^[/*]/.test(pattern)) return 'paths start with / or *'
  if (pattern.includes('?')) return 'paths are compared without query: leave ? and the rest out'
  if (pattern.includes('#')) return 'a request has no fragment: leave # and the rest out'
  if (/\s/.test(pattern)) return 'holds white space: write %20 for a space'
  const parts = pattern.split('*').map((part) => percentDecode(utf8Octets(part)))
  if (parts.includes(null)) return '% must be followed by two hexadecimal digits: write %25 for %'
  const path = parts.join('*')
  if (path.includes('\0')) return 'a path with %00 is refused before any rule: remove it'
  if (path.includes('//')) return 'runs of / are made one before comparing: write one /'
  if (/(^|\/)\.\.?(\/|$)/.test(path)) return 'dot segments are removed before comparing: write none'
  return null
}

/** RFC 9112 §3.2.2: a server must take the absolute form as it takes the origin form. */
function originForm(target: string): string {
  const absolute = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(target)
  if (absolute === null) return target
  const rest = target.slice(absolute[0].length)
  return rest.startsWith('/') ? rest : `/${rest}`
}

function withoutQuery(target: string): string {
  const query = target.indexOf('?')
  return query < 0 ? target : target.slice(0, query)
}

function percentDecode(path: string): string | null {
  if (!path.includes('%')) return path
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return null
  return path.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

const mergeSlashes = (path: string): string => path.replace(/\/{2,}/g, '/')

function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path
  const kept: string[] = []
  const segments = path.split('/').slice(1)
  for (const segment of segments) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  const last = segments[segments.length - 1]
  if (last === '.' || last === '..') kept.push('')
  return `/${kept.join('/')}`
}

function utf8Octets(text: string): string {
  return String.fromCharCode(...new TextEncoder().encode(text))
}
