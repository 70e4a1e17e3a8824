/** One shard of the engine: what is in force in it, and what is acknowledged. Its rings are another thread's. */
import { toOsError } from '../../intercept/addon.js'
import type { EngineControl, EngineEndpoint, EngineQueue, PacketQueues } from './engine.js'
import { type EngineLimits, type NativeGroup, type NativeShard, newShard } from './native.js'

export interface ShardOptions {
  /** Of the enforcer. */
  readonly netnsFd: number
  /** vth-neuv. */
  readonly ifName: string
  readonly limits?: EngineLimits
  readonly heartbeat: HeartbeatPlaces
  /** The kernel program's map of flows that it carries; null = it carries none. Stays the caller's to close. */
  readonly flowMapFd: number | null
  readonly eventRingOctets?: number
  readonly commandRingOctets?: number
  /** 16 random octets: the seed of the flow table's hash, and of the first flow id. */
  readonly key: Uint8Array
  readonly place?: ShardPlace
}

/** Among the shards of one device; absent = it is the only one. */
export interface ShardPlace {
  readonly group: NativeGroup
  readonly index: number
}

/** Where the engine's thread leaves CLOCK_MONOTONIC ns: value `slot`, a host-order uint64. */
export interface HeartbeatPlaces {
  readonly slot: number
  /** BPF_F_MMAPABLE array of 8-octet values; null = none. Stays the caller's to close. */
  readonly mapFd: number | null
  /** Created if absent; null = none. */
  readonly file: string | null
}

const EVENT_RING_OCTETS = 8 << 20
const COMMAND_RING_OCTETS = 1 << 20

interface Waiting {
  resolve(): void
  reject(error: Error): void
}

export class ShardControl implements EngineControl, PacketQueues {
  readonly #shard: NativeShard
  readonly #waiting = new Map<number, Waiting>()
  #stopped = false
  /** The heartbeat ends with the daemon, not 500 ms later. */
  readonly #atExit = () => this.#shard.stop()

  /** Opens the socket; frames wait in it until start(). */
  constructor(options: ShardOptions) {
    this.#shard = newShard(
      {
        netnsFd: options.netnsFd,
        ifName: options.ifName,
        limits: options.limits ?? {},
        heartbeatMapFd: options.heartbeat.mapFd ?? -1,
        heartbeatSlot: options.heartbeat.slot,
        heartbeatFile: options.heartbeat.file ?? '',
        flowMapFd: options.flowMapFd ?? -1,
        eventRingOctets: options.eventRingOctets ?? EVENT_RING_OCTETS,
        commandRingOctets: options.commandRingOctets ?? COMMAND_RING_OCTETS,
        key: options.key,
        group: options.place?.group ?? null,
        index: options.place?.index ?? 0,
      },
      () => this.#wake(),
    )
    process.once('exit', this.#atExit)
  }

  /** Under which `ShardRings` finds it, in any thread of this process. */
  get number(): number {
    return this.#shard.number()
  }

  /** Policy and endpoints that are set before are in force for the first frame. */
  start(): void {
    this.#shard.start()
  }

  setPolicy(block: Uint8Array): Promise<void> {
    return this.#inForce(() => this.#shard.setPolicy(block))
  }

  setEndpoint(endpoint: EngineEndpoint): Promise<void> {
    return this.#inForce(() => this.#shard.setEndpoint(endpoint))
  }

  removeEndpoint(id: number): Promise<void> {
    return this.#inForce(() => this.#shard.removeEndpoint(id))
  }

  openQueue(queue: EngineQueue): Promise<void> {
    return this.#inForce(() => {
      try {
        return this.#shard.openQueue(queue)
      } catch (error) {
        throw toOsError(error)
      }
    })
  }

  closeQueue(id: number): Promise<void> {
    return this.#inForce(() => this.#shard.closeQueue(id))
  }

  setQueueMark(id: number, generation: number): Promise<void> {
    if (!Number.isInteger(generation) || generation < 0 || generation > 255)
      return Promise.reject(new RangeError(`queue mark ${generation}: not within 0..255`))
    return this.#inForce(() => this.#shard.setQueueMark(id, generation))
  }

  setQueueFailOpen(id: number, failOpen: boolean): Promise<void> {
    return this.#inForce(() => this.#shard.setQueueFailOpen(id, failOpen))
  }

  counters(): Readonly<Record<string, number>> {
    return this.#shard.counters()
  }

  flows(): number {
    return this.#shard.flows()
  }

  /** The thread has ended; what it wrote into its event ring can still be read. */
  async stop(): Promise<void> {
    if (this.#stopped) return
    process.off('exit', this.#atExit)
    this.#shard.stop()
    this.#acknowledge()
    this.#stopped = true
    for (const { reject } of this.#waiting.values()) reject(new Error('the engine has stopped'))
    this.#waiting.clear()
  }

  #inForce(post: () => number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) throw new Error('the engine has stopped')
      this.#waiting.set(post(), { resolve, reject })
      // Before start() there is no thread to acknowledge: it is done already.
      this.#acknowledge()
    })
  }

  #acknowledge(): void {
    for (const ticket of this.#shard.acknowledged()) {
      this.#waiting.get(ticket)?.resolve()
      this.#waiting.delete(ticket)
    }
  }

  #wake(): void {
    if (this.#stopped) return
    const fault = this.#shard.fault()
    if (fault !== '')
      throw new Error(`${fault}: the kernel applies each endpoint's failure setting`)
    this.#acknowledge()
  }
}
