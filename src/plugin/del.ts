import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

/** Works with or without netns, prevResult and dpd, and any number of times (cni.md §0). */
export const del: VerbHandler<PluginDeps> = async ({ environment }, deps) => {
  deps.detach(environment, environment.netns)
  if (!(await deps.dpd.withdraw(environment))) deps.leaveNotice('DEL', environment)
  return null
}
