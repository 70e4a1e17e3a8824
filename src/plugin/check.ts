import * as z from 'zod/mini'
import { CNI_CHECK_DIFFERS, CNI_UNKNOWN_CONTAINER, CniError } from '../core/cni/error.js'
import type { NetworkConfig } from '../core/cni/network-config.js'
import type { PluginDeps } from './deps.js'
import type { VerbHandler } from './request.js'

/** Of the interface inside the pod, as the last plugin of the chain left it. */
const interfaceShape = z.lazy(() =>
  z.object({
    name: z.string(),
    mac: z.string(),
    sandbox: z.string().check(z.minLength(1)),
  }),
)

function toldMac({ prevResult }: NetworkConfig, ifName: string): string | null {
  const listed = Array.isArray(prevResult?.interfaces) ? prevResult.interfaces : []
  const inPod = listed.flatMap((entry) => interfaceShape.safeParse(entry).data ?? [])
  return inPod.find(({ name }) => name === ifName)?.mac.toLowerCase() ?? null
}

/** What later plugins may change is not ours to judge: addresses, routes, settings, and the MAC they tell. */
export const check: VerbHandler<PluginDeps> = async ({ config, environment }, deps) => {
  const { containerID, ifName } = environment
  const drift = deps.check(environment, toldMac(config, ifName))
  if (drift === null && deps.isReleased(environment)) return null
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
