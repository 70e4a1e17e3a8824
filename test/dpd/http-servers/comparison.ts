/** Whether each request that a server handled was announced: by the same method, host and path. */
import { canonicalHost } from '../../../src/core/policy/host-name.js'
import { spellPath } from '../../../src/core/policy/http-path.js'
import type { Announced, Exchange } from './exchange.js'
import type { Handled } from './server.js'

/** null = all was announced. Of HTTP/2 a server may take up a later request first. */
export function evasionOf(
  { announced, app }: Exchange,
  handled: readonly Handled[],
  order: 'wire' | 'any',
): string | null {
  let left = announced
  for (const request of handled) {
    const differences = left.map((one) => differenceOf(one, request))
    const at = differences.indexOf(null)
    if (at < 0) {
      const [reason = `no request is left, app ${app}`] = differences
      return `${JSON.stringify(request)}: ${reason}`
    }
    left = order === 'wire' ? left.slice(at + 1) : left.filter((_, index) => index !== at)
  }
  return null
}

/** A field that is ambiguous matches every deny rule and no other. */
function differenceOf({ fields, statuses }: Announced, request: Handled): string | null {
  if (String(fields.method).toUpperCase() !== request.method.toUpperCase())
    return `method ${fields.method}`
  const isHostSure = fields.ambiguousHost !== true && !isListed(fields.ambiguous, 'host')
  const spelled = typeof fields.host === 'string' ? canonicalHost(fields.host) : ''
  if (isHostSure && spelled !== null && request.host !== null) {
    if (spelled !== hostAs(request.host)) return `host ${spelled}`
  }
  const paths = typeof fields.path === 'string' ? spellPath(fields.path)?.split('\0') : ['']
  if (paths !== undefined) {
    const missing = request.paths.find((path) => !paths.includes(merged(path)))
    if (missing !== undefined) return `path ${missing} is none of ${JSON.stringify(paths)}`
  }
  const [status] = statuses
  return status === undefined || status >= 400 || status === request.status
    ? null
    : `reply ${status}`
}

const isListed = (list: unknown, name: string): boolean =>
  Array.isArray(list) && list.includes(name)

const merged = (path: string): string => (path === '' ? '/' : path.replace(/\/{2,}/g, '/'))

/** Some leave white space where it was, some take an address out of its brackets. */
function hostAs(told: string): string | null {
  const host = told.trim()
  return canonicalHost(/^[^[]*:[^:]*:/.test(host) ? `[${host}]` : host)
}
