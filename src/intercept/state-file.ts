/** State on disk: written beside its place, synced, renamed, so that nobody ever reads half a file. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** `isSynced`: it has to survive a crash of the machine, not only of the process. */
function write(path: string, text: string, mode: number, isSynced: boolean): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const temporary = `${path}.${process.pid}.new`
  const fd = openSync(temporary, 'w', mode)
  try {
    writeFileSync(fd, text)
    if (isSynced) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
  if (isSynced) syncFolder(dirname(path))
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
  write(path, text, mode, true)
}

/**
 * For what names kernel objects: void after a reboot (its boot id says so), so that a sync would only cost
 * ADD some 20 ms each where /run is on a disk.
 */
export function writeBootFile(path: string, text: string, mode = 0o600): void {
  write(path, text, mode, false)
}

/** null = no such file. */
export function readStateFile(path: string): string | null {
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

export function removeStateFile(path: string): void {
  rmSync(path, { force: true })
}
