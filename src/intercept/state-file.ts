/** State on disk: written beside its place, synced, renamed, so that nobody ever reads half a file. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

interface Temporary {
  readonly path: string
  readonly mode: number
  /** It has to survive a crash of the machine, not only of the process. */
  readonly isSynced: boolean
}

function write(path: string, text: string, temporary: Temporary): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  try {
    writeTemporary(text, temporary)
    renameSync(temporary.path, path)
  } catch (error) {
    removeQuietly(temporary.path)
    throw error
  }
  if (temporary.isSynced) syncFolder(dirname(path))
}

function writeTemporary(text: string, { path, mode, isSynced }: Temporary): void {
  const fd = openSync(path, 'w', mode)
  try {
    writeFileSync(fd, text)
    if (isSynced) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Why the file could not be written matters more. */
function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {}
}

function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

export function writeStateFile(path: string, text: string, mode = 0o600): void {
  write(path, text, { path: `${path}.${process.pid}.new`, mode, isSynced: true })
}

/** One for all who write: what a dead one has left is overwritten, or goes with the file. */
const underLock = (path: string): string => `${path}.new`

/**
 * For what names kernel objects: void after a reboot (its boot id says so), so that a sync would only cost
 * ADD some 20 ms each where /run is on a disk. Under a lock of that file.
 */
export function writeBootFile(path: string, text: string, mode = 0o600): void {
  write(path, text, { path: underLock(path), mode, isSynced: false })
}

/** null = no such file. */
export function readStateFile(path: string): string | null {
  // Most that ADD asks for are not there, and an exception takes longer than a look.
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return null
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** What can't be read back is kept for whoever wants to know why, out of the way. */
export function setAside(path: string): void {
  renameSync(path, `${path}.bad`)
}

/** One that writeStateFile wrote. */
export function removeStateFile(path: string): void {
  rmSync(path, { force: true })
}

/** One that writeBootFile wrote, or was about to. */
export function removeBootFile(path: string): void {
  rmSync(path, { force: true })
  rmSync(underLock(path), { force: true })
}
