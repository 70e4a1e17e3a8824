/** The cgroup that a client's containers are in: the one thing of theirs that is in the machine's own tree. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../node.js'

const MOUNT = '/sys/fs/cgroup'

/** Deepest first; what still has processes in it stays. */
function removeTree(dir: string): void {
  const inside = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  for (const { name } of inside) removeTree(join(dir, name))
  try {
    rmdirSync(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
  }
}

/**
 * runc takes its own folder away, not its parent's: by controller (version 1) or at the root (version 2). The
 * last processes may still be on their way out.
 */
export async function removeCgroup(name: string): Promise<void> {
  const places = ['', ...readdirSync(MOUNT)].map((controller) => join(MOUNT, controller, name))
  await until(`cgroup ${name} is gone`, () => {
    const left = places.filter((dir) => existsSync(dir))
    for (const dir of left) removeTree(dir)
    return left.length === 0
  })
}
