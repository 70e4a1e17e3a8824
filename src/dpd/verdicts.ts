/** What decides an endpoint's flows: where it is the same as before, decided flows need no second judgement. */
import { createHash } from 'node:crypto'
import { serialize } from 'node:v8'
import type { CompiledDirection, CompiledPolicy } from '../core/policy/compiled.js'

/** Endpoints share their directions: each is read once, however many there are. */
const known = new WeakMap<CompiledDirection, string>()

const digest = (value: unknown): string =>
  createHash('sha256').update(serialize(value)).digest('base64')

/** Without the rules' numbers, which change with rules of others. */
function ofDirection(direction: CompiledDirection): string {
  const before = known.get(direction)
  if (before !== undefined) return before
  const { rules, ...rest } = direction
  const found = digest({ ...rest, staged: null, rules: rules.map((rule) => ({ ...rule, id: 0 })) })
  known.set(direction, found)
  return found
}

/** Equal texts decide alike; null = the policy knows no such endpoint. */
export function verdictsOf(compiled: CompiledPolicy, endpointId: number): string | null {
  const settings = compiled.endpoint(endpointId)
  if (settings === null) return null
  const { ingress, egress, ...rest } = settings
  const directions = [ofDirection(ingress), ofDirection(egress)]
  return digest({ ...rest, directions, nodeAddresses: compiled.nodeAddresses })
}
