/** The engine as the daemon and the replay see it; `bridge.ts` is the real one, over the addon's rings. */
import type { EndpointPath, Failure } from '../../core/endpoint.js'
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'

export interface EngineEndpoint {
  readonly id: number
  readonly path: Extract<EndpointPath, 'tap' | 'inline'>
  readonly failure: Failure
  /** protect: malformed and other non-IP frames are denied, not passed. */
  readonly strict: boolean
  /** Depth `content`: octets events go on after a flow is settled. */
  readonly deliverAll: boolean
  /** Network order: what the pod may call its own; null = it may forward for others. */
  readonly own: { readonly mac: Uint8Array; readonly addresses: readonly Uint8Array[] } | null
  readonly dhcpServers: readonly Uint8Array[]
}

export interface Engine {
  /** Called with every batch that a wake-up brings, in order; octets are valid during the call only. */
  onEvents(listener: (events: readonly EngineEvent[]) => void): void
  /** One wake-up for the whole batch. */
  send(commands: readonly EngineCommand[]): void
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
