/**
 * What libcni keeps of each attachment that it made (containernetworking/cni, libcni/api.go, cachedInfo):
 * `<dir>/<network>-<containerID>-<ifName>`. containerd, CRI-O and podman all go through it.
 */
import * as z from 'zod'
import { ID } from './environment.js'

const CACHE_KIND = 'cniCacheV1'
/** linux/if.h: IFNAMSIZ less its NUL. */
const IF_NAME = /^[^/\s:]{1,15}$/

const interfaceSchema = z.object({ name: z.string(), sandbox: z.string().optional() })
const cacheSchema = z.object({
  kind: z.literal(CACHE_KIND),
  containerId: z.string().max(226).regex(ID),
  ifName: z.string().regex(IF_NAME),
  networkName: z.string(),
  cniArgs: z.array(z.tuple([z.string(), z.string()])).nullish(),
  result: z.object({ interfaces: z.array(interfaceSchema).nullish() }),
})

export interface CachedAttachment {
  readonly containerID: string
  readonly ifName: string
  readonly network: string
  readonly netns: string
  readonly args: ReadonlyMap<string, string>
}

/** null = no such file of libcni's, or one that tells no namespace (results before 0.3.0 don't). */
export function readCachedAttachment(text: string): CachedAttachment | null {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return null
  }
  const parsed = cacheSchema.safeParse(json)
  if (!parsed.success) return null
  const { containerId, ifName, networkName, cniArgs, result } = parsed.data
  const inPod = result.interfaces?.find(({ name, sandbox }) => name === ifName && sandbox)
  if (inPod?.sandbox === undefined) return null
  return {
    ...{ containerID: containerId, ifName, network: networkName, netns: inPod.sandbox },
    args: new Map(cniArgs ?? []),
  }
}
