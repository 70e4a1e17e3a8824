/** What the daemon needs of the kernel's side: `intercept` applied to one instance. */
import type { FlowEntry, FlowKey } from '../core/bpf/flow-map.js'
import type { RefusedFrames } from '../core/bpf/maps.js'
import type { EndpointPath, EndpointRecord } from '../core/endpoint.js'
import type { Drift, PathSetting } from '../intercept/driver.js'
import type { Mended } from './drift-book.js'

/** Drift as of one moment. */
export interface Survey {
  readonly shared: readonly Drift[]
  /** Ids of the endpoints that something happened to since the survey before; null = any may have changed. */
  readonly touched: ReadonlySet<number> | null
  /** Without a setting any path is good. */
  endpoint(record: EndpointRecord, setting: PathSetting | undefined): readonly Drift[]
}

export interface Pipes {
  /** Endpoint records on disk, of this boot. */
  records(): readonly EndpointRecord[]
  /** False: DEL came after the ADD that made it. */
  isRecorded(record: EndpointRecord): boolean
  /** Undoes swaps whose process died half-way; says how many. */
  recover(): number
  /** How many the plugin left; what they are about is in the records. */
  takeNotices(): number
  /** An ADD or DEL of it is under way. */
  isBusy(record: EndpointRecord): boolean
  /** The pod's namespace is still the record's. */
  isAlive(record: EndpointRecord): boolean
  ensure(record: EndpointRecord, setting: PathSetting): void
  setPath(record: EndpointRecord, setting: PathSetting): void
  readPath(record: EndpointRecord): EndpointPath | null
  /**
   * `records`: all that there are. Only what the kernel told of is read again, and the devices of the
   * `again` ones.
   */
  survey(records: readonly EndpointRecord[], again: readonly EndpointRecord[]): Survey
  /** null = a plugin is at work on it. */
  mendShared(): Mended | null
  mend(record: EndpointRecord, setting: PathSetting): Mended | null
  /** What the endpoint's outer ends are goes to disk. */
  keep(record: EndpointRecord): void
  /** The pod is gone: whatever is left of it in the kernel and on disk goes too. */
  collect(record: EndpointRecord): void
  /** What the kernel carries of one of the endpoint's flows. */
  carried(record: EndpointRecord, flow: FlowKey): FlowEntry | null
  counters(): Readonly<Record<string, number>>
  /** By endpoint id: `PipeDriver.refused` of every driver. */
  refused(records: readonly EndpointRecord[]): ReadonlyMap<number, RefusedFrames>
}
