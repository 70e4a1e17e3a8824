import { CNI_NOT_AVAILABLE, CniError } from '../core/cni/error.js'
import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

/** Whether an ADD could be served now; without dpd it can, by the endpoint's failure setting. */
export const status: VerbHandler<PluginDeps> = async (_request, deps) => {
  const problem = deps.problem()
  if (problem !== null) throw new CniError(CNI_NOT_AVAILABLE, 'pods cannot be intercepted', problem)
  return null
}
