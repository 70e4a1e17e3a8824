/** A pod's namespace found again by what a record, or a DEL, says of it. */
import { closeSync } from 'node:fs'
import type { InterceptContext } from './context.js'
import { NETLINK_ROUTE } from './enforcer.js'
import { openNetns, ownNetnsIdentity } from './netns.js'
import type { PodNetns } from './pod-state.js'

export interface OpenPod extends PodNetns {
  close(): void
}

/** The pod's namespace by the first path that still leads to the same one; null = gone. */
export function openPod(
  context: InterceptContext,
  paths: readonly string[],
  identity: string,
): OpenPod | null {
  for (const path of paths) {
    const netns = openNetns(path)
    if (netns === null) continue
    if (netns.identity !== identity || identity === ownNetnsIdentity()) {
      closeSync(netns.fd)
      continue
    }
    return openPodIn(context, netns.fd)
  }
  return null
}

/** Takes the descriptor over. */
export function openPodIn({ os }: InterceptContext, netnsFd: number): OpenPod {
  try {
    const netlinkFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
    const close = (): void => {
      os.close(netlinkFd)
      closeSync(netnsFd)
    }
    return { netnsFd, netlinkFd, close }
  } catch (error) {
    closeSync(netnsFd)
    throw error
  }
}
