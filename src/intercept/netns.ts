/** Network namespaces by path and identity: what is not one, or is the node's own, is never touched. */
import { closeSync, fstatSync, openSync, statfsSync, statSync } from 'node:fs'

/** linux/magic.h */
const NSFS_MAGIC = 0x6e736673

export class NotNetnsError extends Error {
  override readonly name = 'NotNetnsError'
}

export class OwnNetnsError extends NotNetnsError {}

export interface OpenNetns {
  readonly fd: number
  /** Device and inode: the same for every path to one namespace, never shared by two that live. */
  readonly identity: string
}

export const identityOf = (stat: { dev: bigint; ino: bigint }): string => `${stat.dev}:${stat.ino}`

export function ownNetnsIdentity(): string {
  return identityOf(statSync('/proc/self/ns/net', { bigint: true }))
}

/** True for a bind-mounted or procfs namespace; existence alone proves nothing (a lost mount leaves a file). */
export function isNetns(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC
  } catch {
    return false
  }
}

/** null = gone, or no longer a namespace. */
export function openNetns(path: string): OpenNetns | null {
  if (path === '' || !isNetns(path)) return null
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    // Want of a descriptor says nothing about the namespace: taken for gone, its pod would lose its links.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  return { fd, identity: identityOf(fstatSync(fd, { bigint: true })) }
}

/** The path leads to that namespace, not to one that has its name by now. */
export function isNetnsOf(path: string, identity: string): boolean {
  const netns = openNetns(path)
  if (netns === null) return false
  closeSync(netns.fd)
  return netns.identity === identity
}

/** For ADD: a namespace that is there and not the node's own. */
export function openPodNetns(path: string): OpenNetns {
  const netns = openNetns(path)
  if (netns === null) throw new NotNetnsError(`CNI_NETNS ${path} is not a network namespace`)
  if (netns.identity === ownNetnsIdentity()) {
    closeSync(netns.fd)
    throw new OwnNetnsError(`CNI_NETNS ${path} is the node's own network namespace`)
  }
  return netns
}
