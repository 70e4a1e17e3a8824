import { isReleaseSince, type KernelVersion } from '../core/kernel-release.js'
import type { Link } from '../core/netlink/link.js'

/** Only a veth that nothing stands on can be swapped: the failure setting says what becomes of others. */
export class NotVethError extends Error {
  override readonly name = 'NotVethError'
}

export class NoSuchInterfaceError extends Error {
  override readonly name = 'NoSuchInterfaceError'
  constructor(ifName: string, netns: string) {
    super(`there is no interface ${ifName} in ${netns}: is vethwall after the primary plugin?`)
  }
}

/** `others`: all links of the pod's namespace. null = it can be swapped. */
export function refusal(link: Link, others: readonly Link[]): NotVethError | null {
  if (link.kind !== 'veth') {
    const kind = link.kind === '' ? 'none' : link.kind
    return new NotVethError(
      `interface ${link.name} is of kind "${kind}", only veth can be intercepted`,
    )
  }
  if (link.masterIfindex !== 0) {
    const master = others.find((other) => other.ifindex === link.masterIfindex)?.name ?? '?'
    return new NotVethError(`interface ${link.name} is a port of ${master}, which would lose it`)
  }
  // A macvlan or VLAN device is destroyed when its lower device leaves the namespace.
  const upper = others.find(
    (other) =>
      other.isPeerHere && other.peerIfindex === link.ifindex && other.ifindex !== link.ifindex,
  )
  if (upper === undefined) return null
  return new NotVethError(`interface ${link.name} carries ${upper.name}, which would not survive`)
}

/** IFLA_NEW_IFINDEX; a kernel before it ignores the attribute without a word. */
const KERNEL_MIN: KernelVersion = [5, 13]

export function kernelRefusal(release: string): NotVethError | null {
  if (isReleaseSince(release, KERNEL_MIN)) return null
  return new NotVethError(`kernel ${release} can't keep interface indexes, 5.13 is needed`)
}
