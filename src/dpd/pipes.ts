/** What the daemon needs of the kernel's side: `intercept` applied to one instance. */
import type { EndpointPath, EndpointRecord } from '../core/endpoint.js'
import type { Drift, PathSetting } from '../intercept/driver.js'

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
  /** The links, and so the pod's namespace, are still those of the record. */
  isAlive(record: EndpointRecord): boolean
  ensure(record: EndpointRecord, setting: PathSetting): void
  setPath(record: EndpointRecord, setting: PathSetting): void
  readPath(record: EndpointRecord): EndpointPath | null
  check(record: EndpointRecord): readonly Drift[]
  /** The pod is gone: whatever is left of it in the kernel and on disk goes too. */
  collect(record: EndpointRecord): void
  counters(): Readonly<Record<string, number>>
}
