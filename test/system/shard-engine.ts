/** A shard whose events are read by the thread that controls it. */
import type { EngineCommand, EngineEvent } from '../../src/core/inspect/contract.js'
import type { Engine } from '../../src/dpd/engine/engine.js'
import { ShardControl, type ShardOptions } from '../../src/dpd/engine/shard-control.js'
import { ShardRings } from '../../src/dpd/engine/shard-rings.js'

export class ShardEngine extends ShardControl implements Engine {
  readonly #rings: ShardRings

  constructor(options: ShardOptions) {
    super(options)
    this.#rings = new ShardRings(this.number)
    this.#rings.start()
  }

  onEvents(listener: (events: readonly EngineEvent[]) => void): void {
    this.#rings.onEvents(listener)
  }

  send(commands: readonly EngineCommand[]): void {
    this.#rings.send(commands)
  }

  override async stop(): Promise<void> {
    await super.stop()
    this.#rings.close()
  }
}
