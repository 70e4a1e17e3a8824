/** What decides an endpoint's flows: where it is the same as before, decided flows need no second judgement. */
import { createHash } from 'node:crypto'
import { type AddressRanges, V6_WORDS } from '../core/policy/address-ranges.js'
import type { CompiledDirection, CompiledPolicy } from '../core/policy/compiled.js'

/** Endpoints share their directions: each is read once, however many there are. */
const known = new WeakMap<CompiledDirection, string>()

function asJson(_key: string, value: unknown): unknown {
  if (value instanceof Set) return [...value]
  if (!(value instanceof Uint32Array)) return value
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
}

/** As text: V8's own format tells a number kept as integer from the same one kept as double. */
const digest = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value, asJson)).digest('base64')

/** Without the rules' numbers, which change with rules of others. */
function ofDirection(direction: CompiledDirection): string {
  const before = known.get(direction)
  if (before !== undefined) return before
  const { rules, ...rest } = direction
  const found = digest({ ...rest, staged: null, rules: rules.map((rule) => ({ ...rule, id: 0 })) })
  known.set(direction, found)
  return found
}

/** RFC 4291 §2.5.6: fe80::/10. */
const LINK_LOCAL_BITS = 0b1111111010

/**
 * Each pod's arrival gives the node one more link-local address, of the pod's own link: nothing else can
 * have had it, so that no flow is to be judged again for it.
 */
function withoutLinkLocal({ v4, v6 }: AddressRanges): AddressRanges {
  const words = V6_WORDS * 2
  const isLinkLocal = (_: number, at: number): boolean => {
    const first = v6[at - (at % words)] ?? 0
    return first >>> 22 === LINK_LOCAL_BITS
  }
  return { v4, v6: v6.filter((word, at) => !isLinkLocal(word, at)) }
}

/** Equal texts decide alike; null = the policy knows no such endpoint. */
export function verdictsOf(compiled: CompiledPolicy, endpointId: number): string | null {
  const settings = compiled.endpoint(endpointId)
  if (settings === null) return null
  const { ingress, egress, ...rest } = settings
  const directions = [ofDirection(ingress), ofDirection(egress)]
  return digest({ ...rest, directions, nodeAddresses: withoutLinkLocal(compiled.nodeAddresses) })
}
