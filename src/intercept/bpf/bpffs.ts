/** The BPF file system, and an instance's pins in it: programs and maps outlive who loaded them. */
import { mkdirSync, readdirSync, rmdirSync, statfsSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Os } from '../os.js'

export const BPFFS_PATH = '/sys/fs/bpf'
/** linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11

export function isBpffs(path: string): boolean {
  return statfsSync(path).type === BPF_FS_MAGIC
}

export function ensureBpffs(os: Os): void {
  if (!isBpffs(BPFFS_PATH)) os.mountBpffs(BPFFS_PATH)
}

export function ensureFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** A pinned object lives on while a filter or a descriptor holds it. */
export function removeFolder(path: string): void {
  const names = namesIn(path)
  for (const name of names) unlinkSync(join(path, name))
  try {
    rmdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Folders of other versions beside `keep`, of the kind that `prefix` names. */
export function removeOtherVersions(parent: string, prefix: string, keep: string): void {
  for (const name of namesIn(parent)) {
    if (name.startsWith(prefix) && name !== keep) removeFolder(join(parent, name))
  }
}
