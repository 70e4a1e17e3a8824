/** The event and command rings of one shard, for the thread that judges its flows. */
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'
import { commandOctets, encodeCommand } from './command-records.js'
import type { EngineStream } from './engine.js'
import { type NativeRings, newRings } from './native.js'
import { decodeEvents } from './records.js'
import { RingReader, RingWriter } from './ring.js'

/** One call of the listeners: small enough that the engine soon has its room back. */
const BATCH_OCTETS = 256 << 10
/** Then the event loop has its turn. */
const BATCHES_PER_TURN = 8

type Listener = (events: readonly EngineEvent[]) => void

export class ShardRings implements EngineStream {
  readonly #rings: NativeRings
  readonly #events: RingReader
  readonly #commands: RingWriter
  readonly #listeners: Listener[] = []
  /** Commands that the ring had no room for, in order. */
  #backlog: EngineCommand[] = []
  #backlogScheduled = false
  #draining = false
  #closed = false

  /** `shard`: its number in this process. Nothing is read before start(). */
  constructor(shard: number) {
    this.#rings = newRings(shard, () => this.#wake())
    this.#events = new RingReader(this.#rings.events())
    this.#commands = new RingWriter(this.#rings.commands())
  }

  onEvents(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** Also what waits since before. */
  start(): void {
    this.#wake()
  }

  /** Passes over what waits: who reads what another broke off at would break off there too. */
  discard(): void {
    for (;;) {
      const span = this.#events.peek(BATCH_OCTETS)
      if (span === null) return
      this.#events.consume(span)
    }
  }

  /** Commands wait for room in the ring. */
  get isBehind(): boolean {
    return this.#backlog.length > 0
  }

  send(commands: readonly EngineCommand[]): void {
    if (this.#closed || commands.length === 0) return
    if (this.#backlog.length > 0) {
      this.#backlog.push(...commands)
      return
    }
    const written = this.#write(commands)
    if (written === commands.length) return
    this.#backlog = commands.slice(written)
    this.#scheduleBacklog()
  }

  /** What the engine has written until now goes to the listeners first. */
  close(): void {
    if (this.#closed) return
    while (this.#deliver()) {}
    this.#closed = true
    this.#backlog = []
    this.#rings.close()
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
    if (ring.isReaderAsleep) this.#rings.wakeThread()
    return written
  }

  #scheduleBacklog(): void {
    if (this.#backlogScheduled) return
    this.#backlogScheduled = true
    setImmediate(() => {
      this.#backlogScheduled = false
      if (this.#closed) return
      this.#backlog = this.#backlog.slice(this.#write(this.#backlog))
      if (this.#backlog.length > 0) this.#scheduleBacklog()
    })
  }

  #wake(): void {
    if (this.#closed) return
    this.#events.listen()
    if (!this.#draining) this.#drain()
  }

  #drain(): void {
    this.#draining = false
    if (this.#closed) return
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
