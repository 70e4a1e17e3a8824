/**
 * What every way of piping a pod's frames through the enforcer offers (design §2, "Pipe drivers").
 * Kernel objects have ensure / remove / check; `remove` of the absent succeeds.
 */
import type { DriverName, EndpointPath, EndpointRecord, Failure } from '../core/endpoint.js'

/** One difference between what was asked for and what the kernel has; text is for humans. */
export interface Drift {
  readonly subject: string
  readonly want: string
  readonly have: string
}

export interface PathSetting {
  readonly path: EndpointPath
  readonly failure: Failure
  /**
   * On the inline path, frames to or from another MAC than the pod's, which can't be judged: dropped
   * (default), or with `false` passed.
   */
  readonly strict?: boolean
}

/** The namespace and devices that all endpoints of an instance share. */
export interface Enforcer {
  readonly netnsFd: number
  readonly netlinkFd: number
}

export interface PipeDriver {
  readonly name: DriverName
  /** Programs, maps and filters that all endpoints share: on vbr-neuv, vth-neuv. Idempotent. */
  ensureShared(enforcer: Enforcer): void
  /** Filters of one endpoint on vin and vex, and its slot on vbr; replaces what is there, gapless. */
  ensure(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void
  /** Changes only the path: no frame of an allowed flow is lost by it. */
  setPath(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void
  /** Read back from the kernel; null = not installed or none of the four. */
  readPath(enforcer: Enforcer, record: EndpointRecord): EndpointPath | null
  remove(enforcer: Enforcer, record: EndpointRecord): void
  check(enforcer: Enforcer, record: EndpointRecord): Drift[]
  /** Frames dropped in the kernel by cause, e.g. forged marker, foreign address, unknown UCMAC. */
  counters(enforcer: Enforcer): Readonly<Record<string, number>>
  /** Releases what this process holds open; nothing changes in the kernel. */
  close(): void
}
