/** Rules that name peers by name: which addresses they mean, and whether a request is for that name. */

import { BLOCK_FIELDS } from './blocks.js'
import type { CompiledFqdn, CompiledRule, Condition } from './compiled.js'
import { matchGlob } from './glob.js'
import {
  ABSENT,
  AMBIGUOUS,
  NO,
  PENDING,
  type Question,
  type Ternary,
  UNKNOWN,
  YES,
} from './transaction.js'

/** Apps whose transactions say which name they are for. */
export const BOUND_APPS: ReadonlySet<string> = new Set(['http', 'tls', 'quic'])

/** The names that the peer's address was learned under, by the endpoint that is judged. */
export type PeerNames = () => readonly string[]
export const NO_PEER_NAMES: PeerNames = () => []

export function matchesName({ pattern }: CompiledFqdn, names: PeerNames): boolean {
  return names().some((name) => matchGlob(pattern, name))
}

const conditionOn = (key: string): Condition => {
  const field = BLOCK_FIELDS.findIndex((candidate) => candidate.key === key)
  return { field, header: null, patterns: null, isAbsence: false }
}
const HOST = conditionOn('hosts')
const SNI = conditionOn('sni')

/** Whether a transaction is for a name that opened the address: nobody is let to another host behind it. */
export function matchBinding(
  { fqdn, deny }: CompiledRule,
  app: string,
  question: Question | null,
  names: PeerNames,
): Ternary {
  if (fqdn === null || fqdn.binding === 'loose' || !BOUND_APPS.has(app)) return YES
  const value = question === null ? PENDING : question.value(app === 'http' ? HOST : SNI)
  if (value === PENDING) return UNKNOWN
  if (value === ABSENT || value === AMBIGUOUS) return deny ? YES : NO
  const isMeant = matchGlob(fqdn.pattern, value) && names().includes(value)
  return isMeant ? YES : NO
}
