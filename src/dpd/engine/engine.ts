/**
 * The engine as the daemon and the replay see it. In the daemon its two sides are in two threads:
 * `shard-control.ts` and `shard-rings.ts`.
 */
import type { EndpointPath, Failure } from '../../core/endpoint.js'
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'

export interface EngineEndpoint {
  readonly id: number
  readonly path: Extract<EndpointPath, 'tap' | 'inline'>
  readonly failure: Failure
  /** protect: malformed and other non-IP frames are denied, not passed. */
  readonly strict: boolean
  /** Depth `content`: octets events go on after a flow is settled, and it never leaves. */
  readonly deliverAll: boolean
  /** Octets go to the judge until it settles the flow, also where L4 allows it; as in tap. */
  readonly identifies: boolean
  /** Network order: what the pod may call its own; null = it may forward for others. */
  readonly own: { readonly mac: Uint8Array; readonly addresses: readonly Uint8Array[] } | null
  readonly dhcpServers: readonly Uint8Array[]
  /** As `PathSetting.epoch`: what the engine marks frames of settled flows with; 0 = none is carried. */
  readonly epoch: number
}

/** NFQUEUE in a pod's namespace, for an interface that no pair can be put before. */
export interface EngineQueue {
  /** The endpoint's; it has either a queue or a marker on vth-neuv. */
  readonly id: number
  /** The pod's. The queue keeps the namespace alive until it is closed. */
  readonly netnsFd: number
  /** Its number: `--queue-num`. */
  readonly queue: number
  /** Of the interface in the pod. */
  readonly ifindex: number
  readonly mtuOctets: number
  /** What the queue has no room for goes on; else it is dropped. */
  readonly failOpen: boolean
  /** Each packet is queued once, as it is sent: no direction is the pod's. */
  readonly isLoopback: boolean
}

/** Each resolves when in force. */
export interface PacketQueues {
  /** Packets of an endpoint that is not set are dropped: set it first. Rejects with an OsError. */
  openQueue(queue: EngineQueue): Promise<void>
  /** What waits is dropped. */
  closeQueue(id: number): Promise<void>
  /**
   * Bits 24 to 31 of the mark that packets of settled flows go on with, 1..255; 0, as after opening,
   * settles none. Another number for each policy generation and path: flows are then judged again.
   * First the rules take it, so that every packet comes here; then the policy is set, then this.
   */
  setQueueMark(id: number, generation: number): Promise<void>
  setQueueFailOpen(id: number, failOpen: boolean): Promise<void>
}

export interface EngineControl {
  /** The L4 block of `core/policy/l4-table.ts`; resolves when the engine has it in force. */
  setPolicy(block: Uint8Array): Promise<void>
  /** Resolves when in force. */
  setEndpoint(endpoint: EngineEndpoint): Promise<void>
  removeEndpoint(id: number): Promise<void>
  counters(): Readonly<Record<string, number>>
  /** Live flows. */
  flows(): number
  stop(): Promise<void>
}

export interface EngineStream {
  /** Called with every batch that a wake-up brings, in order; octets are valid during the call only. */
  onEvents(listener: (events: readonly EngineEvent[]) => void): void
  /** One wake-up for the whole batch. */
  send(commands: readonly EngineCommand[]): void
}

export interface Engine extends EngineControl, EngineStream {}
