/** A question to the kernel, asked by trying in namespaces that are thrown away. */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Os } from '../os.js'

const NETLINK_ROUTE = 0

export interface ProbeNetns {
  readonly fd: number
  readonly netlinkFd: number
}

export interface ProbeHost {
  readonly os: Os
  /** uname -r. */
  readonly release: string
  readonly near: ProbeNetns
  readonly far: ProbeNetns
}

export interface Probe {
  readonly subject: string
  /** What it is when it does not hold: without it nothing works, or something works worse. */
  readonly otherwise: 'missing' | 'degraded'
  /** What is lost without it. */
  readonly cost: string
  /** What the operator does next. */
  readonly cure: string
  /** Throws, or says false. */
  holds(host: ProbeHost): boolean
}

/** Both namespaces live as long as `ask` runs. Throws where this process may not make any. */
export function withProbeHost<T>(os: Os, release: string, ask: (host: ProbeHost) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'vethwall-preflight-'))
  const cleanups = [() => rmSync(dir, { recursive: true, force: true })]
  const make = (name: string): ProbeNetns => {
    const path = join(dir, name)
    os.netnsCreate(path)
    cleanups.push(() => os.unmount(path))
    const fd = openSync(path, 'r')
    cleanups.push(() => closeSync(fd))
    const netlinkFd = os.netlinkOpen(fd, NETLINK_ROUTE)
    cleanups.push(() => os.close(netlinkFd))
    return { fd, netlinkFd }
  }
  try {
    return ask({ os, release, near: make('near'), far: make('far') })
  } finally {
    for (const cleanup of cleanups.reverse()) cleanup()
  }
}
