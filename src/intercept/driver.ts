/**
 * What every way of piping a pod's frames through the enforcer offers (design §2, "Pipe drivers").
 * Kernel objects have ensure / remove / check; `remove` of the absent succeeds.
 */
import type { FlowEntry, FlowKey } from '../core/bpf/flow-map.js'
import type { RefusedFrames } from '../core/bpf/maps.js'
import type { DriverName, EndpointPath, EndpointRecord, Failure } from '../core/endpoint.js'
import type { Devices } from './devices.js'

/** What kind of thing differs: a label of dpd's counters. */
export const DRIFT_KINDS = [
  ...(['mount', 'link', 'qdisc', 'filter', 'map', 'pin', 'sysctl', 'feature', 'rules'] as const),
]
export type DriftKind = (typeof DRIFT_KINDS)[number]

/** One difference between what was asked for and what the kernel has; text is for humans. */
export interface Drift {
  readonly what: DriftKind
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
  /**
   * Of the verdicts in force, for drivers that carry decided flows in the kernel: flows that were settled
   * under another one come up to the engine again. Absent or 0 = none is carried.
   */
  readonly epoch?: number
}

/** The namespace and devices that all endpoints of an instance share. */
export interface Enforcer {
  readonly netnsFd: number
  readonly netlinkFd: number
}

/** What the caller has read of the enforcer already, and what it asks for. */
export interface Seen {
  readonly devices: Devices
  readonly setting?: PathSetting
}

export interface SeenShared {
  readonly devices: Devices
  readonly records?: readonly EndpointRecord[]
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
  /**
   * One endpoint's qdiscs, filters and entries. A device or qdisc that is not there is not told again
   * by what it lacks. Without `setting` any path and failure setting is good.
   */
  check(enforcer: Enforcer, record: EndpointRecord, seen: Seen): Drift[]
  /**
   * Ids of endpoints whose entries are others than at the call before: for what no notification of the
   * kernel tells. Repairs by this process count too.
   */
  changedEntries(): readonly number[]
  /** As ensure, and what stands on vin and vex beside ours goes. */
  repair(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void
  /** What all endpoints share; with `records`, also what none of them speaks for. */
  checkShared(enforcer: Enforcer, seen: SeenShared): Drift[]
  repairShared(enforcer: Enforcer, records: readonly EndpointRecord[]): void
  /** What the kernel carries of a flow without the engine; null = nothing. */
  carried(enforcer: Enforcer, flow: FlowKey): FlowEntry | null
  /** Frames dropped in the kernel by cause, e.g. forged marker, foreign address, unknown UCMAC. */
  counters(enforcer: Enforcer): Readonly<Record<string, number>>
  /**
   * By endpoint id: frames from its pod that were dropped in the kernel for what they claim to be, since
   * it was attached. Endpoints without any may be left out; a count that is lower than before began anew.
   */
  refused(
    enforcer: Enforcer,
    records: readonly EndpointRecord[],
  ): ReadonlyMap<number, RefusedFrames>
  /** Releases what this process holds open; nothing changes in the kernel. */
  close(): void
}
