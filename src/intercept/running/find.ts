/** Pods that were there before: what libcni's caches name, whose namespace lives, and that is not ours yet. */
import { closeSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { podIdentity } from '../../core/cni/pod-identity.js'
import { type CachedAttachment, readCachedAttachment } from '../../core/cni/result-cache.js'
import { type AttachmentKey, LOOPBACK } from '../../core/endpoint.js'
import type { InterceptContext } from '../context.js'
import { keyHash, listRecords } from '../endpoint-records.js'
import { openNetns, ownNetnsIdentity } from '../netns.js'
import { isReleased } from '../released.js'

export interface RunningPod extends AttachmentKey {
  readonly network: string
  readonly netns: string
  readonly namespace: string
  readonly pod: string
  readonly podUid: string | null
  /** The operator gave it back: it comes in only when told. */
  readonly isReleased: boolean
}

function filesIn(dir: string, warn: (message: string) => void): string[] {
  try {
    return readdirSync(dir).map((name) => join(dir, name))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') warn(`${dir}: running pods are not looked for in it: ${message}`)
    return []
  }
}

function read(path: string): CachedAttachment | null {
  try {
    return readCachedAttachment(readFileSync(path, 'utf8'))
  } catch {
    // DEL takes it away at any moment.
    return null
  }
}

/** A namespace that lives and is not the node's own, which pods of the host network are in. */
function isPodNetns(path: string): boolean {
  const netns = openNetns(path)
  if (netns === null) return false
  closeSync(netns.fd)
  return netns.identity !== ownNetnsIdentity()
}

export function findRunning(
  context: InterceptContext,
  cacheDirs: readonly string[],
): readonly RunningPod[] {
  const { instance, warn } = context
  const ours = new Set(listRecords(instance, warn).map(keyHash))
  const found = new Map<string, RunningPod>()
  for (const path of cacheDirs.flatMap((dir) => filesIn(dir, warn))) {
    const cached = read(path)
    // Each runtime caches the pods' loopback too.
    if (cached === null || cached.ifName === LOOPBACK) continue
    const hash = keyHash(cached)
    if (ours.has(hash) || found.has(hash) || !isPodNetns(cached.netns)) continue
    const { containerID, ifName, network, netns, args } = cached
    found.set(hash, {
      ...{ containerID, ifName, network, netns },
      ...podIdentity(args, containerID),
      isReleased: isReleased(context, cached),
    })
  }
  return [...found.values()]
}
