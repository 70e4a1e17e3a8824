/** What decides an endpoint's flows: where it is the same as before, decided flows need no second judgement. */
import { isDeepStrictEqual } from 'node:util'
import type { CompiledDirection, CompiledPolicy } from '../../core/policy/compiled.js'

/** Without the rules' numbers, which change with rules of others. */
function ofDirection({ rules, ...rest }: CompiledDirection) {
  return { ...rest, staged: null, rules: rules.map((rule) => ({ ...rule, id: 0 })) }
}

/** To be compared by `isSameVerdicts` alone. */
export function verdictsOf(compiled: CompiledPolicy, endpointId: number): unknown {
  const settings = compiled.endpoint(endpointId)
  if (settings === null) return null
  const { ingress, egress, ...rest } = settings
  const directions = [ofDirection(ingress), ofDirection(egress)]
  return { ...rest, directions, nodeAddresses: compiled.nodeAddresses }
}

export function isSameVerdicts(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(a, b)
}
