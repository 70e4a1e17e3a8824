/**
 * A test in a mount namespace of its own: its namespaces' names go with it however it ends, and the BPF
 * file system can be taken away, as it is before a node's first ADD.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ENDS_WITH_US } from '../process.js'

/** A file below this folder; its TAP is ours, and its exit status. Returns its process id. */
export function runPrivately(file: string, propagation: 'private' | 'slave'): number {
  const unshare = ['unshare', '--mount', '--propagation', propagation]
  const node = [process.execPath, '--enable-source-maps', join(import.meta.dirname, file)]
  const { status, pid } = spawnSync('setpriv', [...ENDS_WITH_US, ...unshare, ...node], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
  return pid
}
