/** Mode and failure setting of an endpoint from the policies that select it. */
import type { Failure, Mode } from '../endpoint.js'
import type { PolicyObject } from './model.js'

export interface PolicyDefaults {
  readonly mode: Mode
  /** Absent: closed in protect, open elsewhere. */
  readonly failure?: Failure
}

const STRICTNESS: Readonly<Record<Mode, number>> = { discover: 0, monitor: 1, protect: 2 }

/** The strictest mode that a policy states; staged policies only report. */
export function effectiveMode(policies: readonly PolicyObject[], defaults: PolicyDefaults): Mode {
  let strictest: Mode | null = null
  for (const { mode, staged } of policies) {
    if (mode === null || staged) continue
    if (strictest === null || STRICTNESS[mode] > STRICTNESS[strictest]) strictest = mode
  }
  return strictest ?? defaults.mode
}

export function effectiveFailure(
  policies: readonly PolicyObject[],
  mode: Mode,
  defaults: PolicyDefaults,
): Failure {
  const stated = policies.filter(({ staged }) => !staged).map(({ failure }) => failure)
  if (stated.includes('closed')) return 'closed'
  if (stated.includes('open')) return 'open'
  return defaults.failure ?? (mode === 'protect' ? 'closed' : 'open')
}
