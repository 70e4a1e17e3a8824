/** flock on a file: the lock dies with its holder, however that ends. */
import { closeSync, fstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Os } from './os.js'

/**
 * The kernel's part of a swap is some 30 ms, more where others hold the kernel's RTNL: of fifty ADDs at once
 * on two busy processors some waited 10 s, each for those that came before. Runtimes wait longer still, two minutes at least.
 */
export const LOCK_TIMEOUT_MS = 60_000

export class LockTimeoutError extends Error {
  override readonly name = 'LockTimeoutError'
  constructor(path: string, timeoutMs: number) {
    super(`${path} is held by another process for over ${timeoutMs} ms`)
  }
}

function isStill(path: string, fd: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && stat.ino === fstatSync(fd).ino
}

/** An open fd that holds the lock; null = somebody else has it. */
function acquire(os: Os, path: string, timeoutMs: number): number | null {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  for (;;) {
    const fd = openSync(path, 'a', 0o600)
    let isHeld = false
    try {
      if (!os.flock(fd, timeoutMs)) return null
      // The last holder may have removed the file between our open and our lock.
      isHeld = isStill(path, fd)
      if (isHeld) return fd
    } finally {
      if (!isHeld) closeSync(fd)
    }
  }
}

export function withLock<T>(os: Os, path: string, action: () => T): T {
  const fd = acquire(os, path, LOCK_TIMEOUT_MS)
  if (fd === null) throw new LockTimeoutError(path, LOCK_TIMEOUT_MS)
  try {
    return action()
  } finally {
    closeSync(fd)
  }
}

/** As withLock, and the lock's file is gone afterwards: for locks that are named after one endpoint. */
export function withKeyLock<T>(os: Os, path: string, action: () => T): T {
  return withLock(os, path, () => {
    try {
      return action()
    } finally {
      rmSync(path, { force: true })
    }
  })
}

/** Between two tries of a process that must not stand still. */
const RETRY_MS = 20

/** As withKeyLock, while the event loop goes on. */
export async function withKeyLockAside<T>(
  os: Os,
  path: string,
  action: () => Promise<T>,
  timeoutMs = LOCK_TIMEOUT_MS,
): Promise<T> {
  const endMs = performance.now() + timeoutMs
  let fd = acquire(os, path, 0)
  while (fd === null) {
    if (performance.now() > endMs) throw new LockTimeoutError(path, timeoutMs)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    fd = acquire(os, path, 0)
  }
  try {
    return await action()
  } finally {
    rmSync(path, { force: true })
    closeSync(fd)
  }
}

const demandPath = (path: string): string => `${path}.del`

/** As withKeyLock, for DEL: an ADD that holds the lock sees the demand and gives up. */
export function withDemandedLock<T>(os: Os, path: string, action: () => T): T {
  return withKeyLock(os, demandPath(path), () => withKeyLock(os, path, action))
}

/** Whether a live DEL waits for the lock. */
export function isDemanded(os: Os, path: string): boolean {
  return isLocked(os, demandPath(path))
}

/** Whether a live process holds it. */
export function isLocked(os: Os, path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false
  const fd = acquire(os, path, 0)
  if (fd === null) return true
  rmSync(path, { force: true })
  closeSync(fd)
  return false
}

/** Only where nobody else holds it within `timeoutMs`: null = somebody does. */
export function tryLock<T>(
  os: Os,
  path: string,
  timeoutMs: number,
  action: () => T,
): { readonly value: T } | null {
  const fd = acquire(os, path, timeoutMs)
  if (fd === null) return null
  try {
    return { value: action() }
  } finally {
    closeSync(fd)
  }
}

/** As tryLock, and the lock's file is gone afterwards. */
export function tryKeyLock<T>(os: Os, path: string, action: () => T): { readonly value: T } | null {
  return tryLock(os, path, 0, () => {
    try {
      return action()
    } finally {
      rmSync(path, { force: true })
    }
  })
}
