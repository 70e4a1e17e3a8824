/**
 * Flows of which octets came lately: only of others is it worth to put them to rest, since to wake one and put it to
 * rest again takes longer than to judge a request. By number and not by time: so many may take so much memory.
 */
import type { Flow, Reading } from './flow.js'

/** 10 MB of them. */
export const RECENT_FLOWS = 4_096

export class RecentFlows {
  readonly #flows: (Flow | null)[]
  #next = 0

  constructor(flowsMax: number) {
    this.#flows = new Array(flowsMax).fill(null)
  }

  /** Returns the flow that is none of them any more, which may be the same one. */
  add(flow: Flow, reading: Reading): Flow | null {
    if (this.#flows.length === 0) return flow
    const place = this.#next
    this.#next = (place + 1) % this.#flows.length
    const oldest = this.#flows[place] ?? null
    this.#flows[place] = flow
    reading.place = place
    if (oldest !== null && oldest.reading !== null) oldest.reading.place = -1
    return oldest
  }

  /** Nobody reads it any more: it is not to outlive its end here. */
  remove(reading: Reading): void {
    if (reading.place < 0) return
    this.#flows[reading.place] = null
    reading.place = -1
  }
}
