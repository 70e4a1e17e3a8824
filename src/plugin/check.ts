import { CNI_CHECK_DIFFERS, CNI_UNKNOWN_CONTAINER, CniError } from '../core/cni/error.js'
import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

export const check: VerbHandler<PluginDeps> = async ({ environment }, deps) => {
  const { containerID, ifName } = environment
  const drift = deps.check(environment)
  if (drift === null) {
    throw new CniError(
      CNI_UNKNOWN_CONTAINER,
      `${ifName} of container ${containerID} is not intercepted`,
    )
  }
  if (drift.length > 0) {
    const lines = drift.map((d) => `${d.subject}: want ${d.want}, have ${d.have}`)
    throw new CniError(
      CNI_CHECK_DIFFERS,
      `${ifName} of container ${containerID} is not intercepted as recorded`,
      lines.join('; '),
    )
  }
  return null
}
