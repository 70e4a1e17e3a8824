/** Where an attachment is made: the pod's namespace and the enforcer, open, under the endpoint's lock. */
import { closeSync } from 'node:fs'
import type { AttachSpec } from './attach-spec.js'
import { CancelledError } from './cancelled.js'
import type { InterceptContext } from './context.js'
import type { Enforcer } from './driver.js'
import { keyLockPath } from './endpoint-records.js'
import { closeEnforcer, ensureEnforcer, NETLINK_ROUTE } from './enforcer.js'
import { isDemanded, withKeyLock } from './lock.js'
import { type OpenNetns, openPodNetns } from './netns.js'
import type { PodNetns } from './pod-state.js'
import { forgetReleased } from './released.js'

export interface Place {
  readonly context: InterceptContext
  readonly enforcer: Enforcer
  readonly pod: PodNetns
  readonly netns: OpenNetns
  /** Throws CancelledError; asked between steps. */
  readonly yieldToDel: () => void
}

export function atPlace<T>(
  context: InterceptContext,
  spec: AttachSpec,
  action: (place: Place) => T,
): T {
  const { os, instance } = context
  const lockPath = keyLockPath(instance, spec)
  const yieldToDel = (): void => {
    if (isDemanded(os, lockPath)) throw new CancelledError(spec)
  }
  return withKeyLock(os, lockPath, () => {
    yieldToDel()
    const netns = openPodNetns(spec.netns)
    try {
      const enforcer = ensureEnforcer(context)
      try {
        const netlinkFd = os.netlinkOpen(netns.fd, NETLINK_ROUTE)
        try {
          const pod = { netnsFd: netns.fd, netlinkFd }
          // Before anything changes: where it can't go, all is as it was.
          forgetReleased(instance, spec)
          return action({ context, enforcer, pod, netns, yieldToDel })
        } finally {
          os.close(netlinkFd)
        }
      } finally {
        closeEnforcer(os, enforcer)
      }
    } finally {
      closeSync(netns.fd)
    }
  })
}
