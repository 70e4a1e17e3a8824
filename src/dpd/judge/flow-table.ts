/**
 * Live flows by id. Not a Map: of a Map in which entries come and go, each outgrown table stays linked
 * to the next, so that the young generation's collections keep, and copy, every flow of the last minutes.
 */
import type { FlowId } from '../../core/inspect/contract.js'
import type { Flow } from './flow.js'

const BUCKETS_AT_FIRST = 256

export class FlowTable {
  /** Power of two. The engine counts its ids up, so that consecutive buckets have consecutive flows. */
  #buckets: (Flow | null)[] = new Array(BUCKETS_AT_FIRST).fill(null)
  #size = 0
  #newest: FlowId = 0

  get size(): number {
    return this.#size
  }

  get(id: FlowId): Flow | undefined {
    let flow = this.#buckets[this.#bucket(id)] ?? null
    while (flow !== null && flow.id !== id) flow = flow.nextInBucket
    return flow ?? undefined
  }

  add(flow: Flow): void {
    if (this.#size >= this.#buckets.length) this.#grow()
    this.#link(flow)
    this.#size++
    this.#newest = flow.id
  }

  delete(flow: Flow): void {
    const bucket = this.#bucket(flow.id)
    let before = this.#buckets[bucket] ?? null
    if (before === flow) {
      this.#buckets[bucket] = flow.nextInBucket
    } else {
      while (before !== null && before.nextInBucket !== flow) before = before.nextInBucket
      if (before === null) return
      before.nextInBucket = flow.nextInBucket
    }
    flow.nextInBucket = null
    this.#size--
  }

  /** Behind the newest the table wraps round: there the oldest are. */
  oldest(): Flow | undefined {
    const { length } = this.#buckets
    const newest = this.#bucket(this.#newest)
    for (let i = 1; i <= length; i++) {
      let flow = this.#buckets[(newest + i) & (length - 1)] ?? null
      while (flow?.nextInBucket) flow = flow.nextInBucket
      if (flow !== null) return flow
    }
    return undefined
  }

  /**
   * The flows of bucket `from` and on, until `flowsMax` were given; returns the bucket to go on with, null
   * where none is left. The table may change between two calls: flows that a growth has moved come
   * again, none is left out.
   */
  visit(from: number, flowsMax: number, give: (flow: Flow) => void): number | null {
    let given = 0
    for (let at = from; at < this.#buckets.length; at++) {
      if (given >= flowsMax) return at
      for (let flow = this.#buckets[at] ?? null; flow !== null; flow = flow.nextInBucket) {
        give(flow)
        given++
      }
    }
    return null
  }

  /** The flow that was given last may be deleted meanwhile. */
  *[Symbol.iterator](): Generator<Flow> {
    for (const head of this.#buckets) {
      for (let flow = head; flow !== null; ) {
        const next: Flow | null = flow.nextInBucket
        yield flow
        flow = next
      }
    }
  }

  /** Of the id's low 32 bits. */
  #bucket(id: FlowId): number {
    return (id >>> 0) & (this.#buckets.length - 1)
  }

  #link(flow: Flow): void {
    const bucket = this.#bucket(flow.id)
    flow.nextInBucket = this.#buckets[bucket] ?? null
    this.#buckets[bucket] = flow
  }

  #grow(): void {
    const flows = [...this]
    this.#buckets = new Array(this.#buckets.length * 2).fill(null)
    for (const flow of flows) this.#link(flow)
  }
}
