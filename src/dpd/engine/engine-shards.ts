/** All shards of the engine as one: what is set is in force when each has it. */
import type { EngineControl, EngineEndpoint, EngineQueue, PacketQueues } from './engine.js'
import type { ShardControl } from './shard-control.js'

export class EngineShards implements EngineControl, PacketQueues {
  constructor(private readonly shards: readonly ShardControl[]) {}

  get numbers(): readonly number[] {
    return this.shards.map(({ number }) => number)
  }

  start(): void {
    for (const shard of this.shards) shard.start()
  }

  setPolicy(block: Uint8Array): Promise<void> {
    return this.#each((shard) => shard.setPolicy(block))
  }

  setEndpoint(endpoint: EngineEndpoint): Promise<void> {
    return this.#each((shard) => shard.setEndpoint(endpoint))
  }

  removeEndpoint(id: number): Promise<void> {
    return this.#each((shard) => shard.removeEndpoint(id))
  }

  openQueue(queue: EngineQueue): Promise<void> {
    return this.#ofQueue(queue.id).openQueue(queue)
  }

  closeQueue(id: number): Promise<void> {
    return this.#ofQueue(id).closeQueue(id)
  }

  setQueueMark(id: number, generation: number): Promise<void> {
    return this.#ofQueue(id).setQueueMark(id, generation)
  }

  setQueueFailOpen(id: number, failOpen: boolean): Promise<void> {
    return this.#ofQueue(id).setQueueFailOpen(id, failOpen)
  }

  counters(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const shard of this.shards) {
      for (const [name, value] of Object.entries(shard.counters()))
        sums[name] = (sums[name] ?? 0) + value
    }
    return sums
  }

  flows(): number {
    return this.flowsByShard().reduce((sum, flows) => sum + flows, 0)
  }

  flowsByShard(): readonly number[] {
    return this.shards.map((shard) => shard.flows())
  }

  async stop(): Promise<void> {
    await this.#each((shard) => shard.stop())
  }

  async #each(action: (shard: ShardControl) => Promise<void>): Promise<void> {
    await Promise.all(this.shards.map(action))
  }

  /** A queue is read whole by one thread: that of its endpoint. */
  #ofQueue(id: number): ShardControl {
    const shard = this.shards[id % this.shards.length]
    if (shard === undefined) throw new RangeError('an engine without shards')
    return shard
  }
}
