import { CNI_NOT_AVAILABLE, CNI_NOT_AVAILABLE_IMPAIRED, CniError } from '../core/cni/error.js'
import type { EndpointRecord, Failure } from '../core/endpoint.js'
import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

/** More would hide the rest of the message. */
const NAMED_MAX = 5

/** Whether an ADD could be served in full now, and whether the pods of before are well (CNI SPEC 1.1.0, "STATUS"). */
export const status: VerbHandler<PluginDeps> = async ({ config }, deps) => {
  const lost = deps.hasEnforcer() ? [] : deps.endpoints().filter(({ links }) => links !== null)
  if (lost.length > 0) {
    throw new CniError(
      CNI_NOT_AVAILABLE_IMPAIRED,
      `the enforcer namespace is gone, and with it the network of ${namesOf(lost)}`,
      'delete these pods, so that they are made anew',
    )
  }
  const problem = deps.driverProblem()
  if (problem !== null) {
    throw new CniError(
      CNI_NOT_AVAILABLE,
      'pods cannot be intercepted',
      `${problem}; dpctl preflight`,
    )
  }
  if (!(await deps.dpd.answers())) throw withoutDpd(config.failure, deps)
  return null
}

function withoutDpd(fallback: Failure, deps: PluginDeps): CniError {
  const cut = deps
    .endpoints()
    .filter((r) => deps.settingWithoutDpd(r, r.failure).failure === 'closed')
  const byRule = 'by its failure setting: open = unjudged, closed = cut'
  const details = `a new pod is attached ${byRule} (where no policy says, ${fallback}); start dpd, see its log`
  if (cut.length === 0) return new CniError(CNI_NOT_AVAILABLE, 'dpd does not answer', details)
  const message = `dpd does not answer, and ${namesOf(cut)} are cut, since their failure setting is closed`
  return new CniError(CNI_NOT_AVAILABLE_IMPAIRED, message, details)
}

function namesOf(records: readonly EndpointRecord[]): string {
  const names = records.slice(0, NAMED_MAX).map(({ namespace, pod }) => `${namespace}/${pod}`)
  const more = records.length > NAMED_MAX ? ', …' : ''
  return `${records.length} pods (${names.join(', ')}${more})`
}
