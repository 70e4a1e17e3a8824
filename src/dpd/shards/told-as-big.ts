/** Of a shard's events, what is to be known of flows that the engine told as big: few, and no payload. */
import type { EngineEvent, FlowId } from '../../core/inspect/contract.js'

export class ToldAsBig {
  readonly #flows = new Set<FlowId>()

  of(events: readonly EngineEvent[]): EngineEvent[] {
    return events.filter((event) => this.#concerns(event))
  }

  #concerns(event: EngineEvent): boolean {
    switch (event.ev) {
      case 'big':
        this.#flows.add(event.flow)
        return true
      case 'closed':
        return this.#flows.delete(event.flow)
      case 'recall':
        return true
      case 'lost':
        this.#flows.clear()
        return true
      default:
        return false
    }
  }
}
