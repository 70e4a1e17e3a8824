/** `Engine` over the addon's shard: rings, wake-ups, and what is acknowledged. */
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'
import { toOsError } from '../../intercept/addon.js'
import type { Engine, EngineEndpoint, EngineQueue, PacketQueues } from './engine.js'
import { type EngineLimits, type NativeShard, newShard } from './native.js'
import { commandOctets, decodeEvents, encodeCommand } from './records.js'
import { RingReader, RingWriter } from './ring.js'

export interface ShardEngineOptions {
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
/** One call of the listeners: small enough that the engine soon has its room back. */
const BATCH_OCTETS = 256 << 10
/** Then the event loop has its turn. */
const BATCHES_PER_TURN = 8

type Listener = (events: readonly EngineEvent[]) => void
interface Waiting {
  resolve(): void
  reject(error: Error): void
}

export class ShardEngine implements Engine, PacketQueues {
  readonly #shard: NativeShard
  readonly #events: RingReader
  readonly #commands: RingWriter
  readonly #listeners: Listener[] = []
  readonly #waiting = new Map<number, Waiting>()
  /** Commands that the ring had no room for, in order. */
  #backlog: EngineCommand[] = []
  #backlogScheduled = false
  #draining = false
  #stopped = false
  /** The heartbeat ends with the daemon, not 500 ms later. */
  readonly #atExit = () => this.#shard.stop()

  /** Opens the socket; frames wait in it until start(). */
  constructor(options: ShardEngineOptions) {
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
      },
      () => this.#wake(),
    )
    process.once('exit', this.#atExit)
    this.#events = new RingReader(this.#shard.eventRing())
    this.#commands = new RingWriter(this.#shard.commandRing())
  }

  /** Policy and endpoints that are set before are in force for the first frame. */
  start(): void {
    this.#shard.start()
  }

  onEvents(listener: Listener): void {
    this.#listeners.push(listener)
  }

  send(commands: readonly EngineCommand[]): void {
    if (this.#stopped || commands.length === 0) return
    if (this.#backlog.length > 0) {
      this.#backlog.push(...commands)
      return
    }
    const written = this.#write(commands)
    if (written === commands.length) return
    this.#backlog = commands.slice(written)
    this.#scheduleBacklog()
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

  async stop(): Promise<void> {
    if (this.#stopped) return
    process.off('exit', this.#atExit)
    this.#shard.stop()
    this.#acknowledge()
    while (this.#deliver()) {}
    this.#stopped = true
    this.#backlog = []
    for (const { reject } of this.#waiting.values()) reject(new Error('the engine has stopped'))
    this.#waiting.clear()
  }

  /** How many of `commands` the ring took. */
  #write(commands: readonly EngineCommand[]): number {
    const ring = this.#commands
    let written = 0
    for (const command of commands) {
      const octets = commandOctets(command)
      if (octets > ring.largestRecordOctets) {
        throw new RangeError(`${command.cmd} of ${octets} octets: larger than the command ring`)
      }
      const at = ring.reserve(octets)
      if (at === null) break
      encodeCommand(ring.octets, ring.view, at, command)
      ring.commit(octets)
      written++
    }
    if (ring.isReaderAsleep) this.#shard.wakeThread()
    return written
  }

  #scheduleBacklog(): void {
    if (this.#backlogScheduled) return
    this.#backlogScheduled = true
    setImmediate(() => {
      this.#backlogScheduled = false
      if (this.#stopped) return
      this.#backlog = this.#backlog.slice(this.#write(this.#backlog))
      if (this.#backlog.length > 0) this.#scheduleBacklog()
    })
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
    this.#events.listen()
    const fault = this.#shard.fault()
    if (fault !== '')
      throw new Error(`${fault}: the kernel applies each endpoint's failure setting`)
    this.#acknowledge()
    if (!this.#draining) this.#drain()
  }

  #drain(): void {
    this.#draining = false
    if (this.#stopped) return
    for (let batch = 0; batch < BATCHES_PER_TURN; batch++) if (!this.#deliver()) return
    this.#draining = true
    setImmediate(() => this.#drain())
  }

  /** False = the ring is empty. */
  #deliver(): boolean {
    const ring = this.#events
    const span = ring.peek(BATCH_OCTETS)
    if (span === null) return false
    const events = decodeEvents(ring.octets, ring.view, span.from, span.to)
    if (events.length > 0) for (const listener of this.#listeners) listener(events)
    ring.consume(span)
    return true
  }
}
