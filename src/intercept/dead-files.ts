/** What processes that were killed have left beside an instance's files: half-written ones, locks of nobody. */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../core/instance.js'
import type { InterceptContext } from './context.js'
import { interfacesDir, locksDir } from './endpoint-records.js'
import { isLocked, withKeyLock } from './lock.js'

/** writeBootFile's, of a record or a journal: the hash of the key before it names the lock too. */
const UNFINISHED = '.json.new'

function namesIn(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function keyFolders(instance: Instance): readonly string[] {
  const { endpointsDir, endpointsSpareDir, journalDir } = instance
  return [endpointsDir, endpointsSpareDir, journalDir, interfacesDir(instance)]
}

export function sweepDeadFiles({ os, instance }: InterceptContext): void {
  for (const dir of keyFolders(instance)) {
    for (const name of namesIn(dir).filter((file) => file.endsWith(UNFINISHED))) {
      const lockPath = join(locksDir(instance), name.slice(0, -UNFINISHED.length))
      if (isLocked(os, lockPath)) continue
      withKeyLock(os, lockPath, () => rmSync(join(dir, name), { force: true }))
    }
  }
  // Asking removes the file of a lock that nobody holds.
  for (const name of namesIn(locksDir(instance))) isLocked(os, join(locksDir(instance), name))
}
