/** Where an endpoint's traffic goes under its policy. */
import { type EndpointPath, LOOPBACK } from '../core/endpoint.js'
import type { CompiledEndpoint } from '../core/policy/compiled.js'

/** A pod to itself is always allowed (design §5): its `lo` is looked at, never held up. */
export function pathOf(
  { mode, quarantined }: Pick<CompiledEndpoint, 'mode' | 'quarantined'>,
  ifName: string,
): EndpointPath {
  if (ifName === LOOPBACK) return quarantined ? 'direct' : 'tap'
  if (quarantined) return 'quarantine'
  return mode === 'protect' ? 'inline' : 'tap'
}
