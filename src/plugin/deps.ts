import type { PluginIdentity } from '../core/cni/pod-identity.js'
import type {
  AttachmentKey,
  DriverName,
  EndpointPath,
  EndpointRecord,
  Failure,
} from '../core/endpoint.js'
import type { Drift } from '../intercept/driver.js'
import type { DpdClient } from './dpd-client.js'

export interface AttachRequest extends AttachmentKey, PluginIdentity {
  readonly network: string
  readonly netns: string
  /** The runtime says so: then it is an interface that can't be intercepted, else no pod's. */
  readonly netnsMayBeOwn: boolean
  readonly driver: DriverName | 'auto'
  readonly failure: Failure
  /** Called where all is done that could fail: the record is on disk. */
  readonly onRecorded: (record: EndpointRecord) => void
}

/** The world as the verbs see it; `main.ts` makes the real one, for one instance. */
export interface PluginDeps {
  readonly dpd: DpdClient
  /** Fully intercepted with every frame dropped, or exactly as before and an error. */
  attach(request: AttachRequest): EndpointRecord
  /** What an endpoint without dpd gets: as attach.json says, else the failure setting `fallback`. */
  settingWithoutDpd(
    record: EndpointRecord,
    fallback: Failure,
  ): { readonly path: EndpointPath; readonly failure: Failure }
  /** Refuses where DEL came after the ADD that made the record. */
  setPath(record: EndpointRecord, path: EndpointPath, failure: Failure): void
  requireAttached(record: EndpointRecord): void
  /** Success where there is nothing. `netns` '' = the runtime gave none. */
  detach(key: AttachmentKey, netns: string): void
  /** null = no such endpoint. `toldMac`: the final result's, null = it tells none. */
  check(key: AttachmentKey, toldMac: string | null): readonly Drift[] | null
  /** The operator gave it back to its pod. */
  isReleased(key: AttachmentKey): boolean
  /** What this network has here, swaps that broke off included; not what an ADD or DEL is working on. */
  attachments(network: string): readonly EndpointRecord[]
  /** Why no pipe driver works here; null = one does. */
  driverProblem(): string | null
  /** Every network's endpoints of this boot. */
  endpoints(): readonly EndpointRecord[]
  hasEnforcer(): boolean
  /** Left on disk for dpd where it can't be told. */
  leaveNotice(verb: 'ADD' | 'DEL', key: AttachmentKey): void
  warn(message: string): void
  /** What the pipe driver holds open. */
  close(): void
}
