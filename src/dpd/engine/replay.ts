/** `Engine` over a capture file: the same engine without a socket, the capture's clock for time. */
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'
import { NAME_GRACE_SECONDS } from '../../core/policy/name-book.js'
import { commandOctets, encodeCommand } from './command-records.js'
import type { Engine, EngineEndpoint } from './engine.js'
import { LearnedNames } from './learned-names.js'
import { type EngineLimits, type NativeReplay, newReplay } from './native.js'
import { decodeEvents } from './records.js'

/** All frames of a capture are one endpoint's: the opener's in flows from its own addresses. */
export const REPLAY_ENDPOINT: EngineEndpoint = {
  id: 1,
  path: 'tap',
  failure: 'open',
  strict: false,
  deliverAll: false,
  identifies: false,
  own: null,
  dhcpServers: [],
  epoch: 0,
}

/** One call of the engine; it returns sooner where a frame causes events. */
const FRAMES_PER_STEP = 256
/** Then the event loop has its turn. */
const STEPS_PER_TURN = 256
const CLOSING_STEP_MS = 10_000
/** After the last frame: longer than any idle limit of a flow. */
const CLOSING_LIMIT_MS = 24 * 3600 * 1000
/** A fixed seed: two runs give the same events in the same order. */
const REPLAY_KEY = new Uint8Array(16)

export interface Replayed {
  readonly frames: number
  /** Where the file ends within a frame, which is left out; null = it is whole. */
  readonly cutAtOctet: number | null
}

type Listener = (events: readonly EngineEvent[]) => void

export class ReplayEngine implements Engine {
  readonly #replay: NativeReplay
  /** By the capture's clock. */
  readonly names = new LearnedNames({
    ...{ isShared: false, graceMs: NAME_GRACE_SECONDS * 1000 },
    nowMs: () => this.#replay.nowMs(),
  })
  readonly #listeners: Listener[] = []
  #commands: EngineCommand[] = []
  /** Where the engine leaves event records. */
  #events = new Uint8Array(0)
  #eventView = new DataView(this.#events.buffer)
  /** Where commands are put together. */
  #records = new Uint8Array(4096)
  #recordView = new DataView(this.#records.buffer)
  #delivering = false
  #stopped = false

  constructor(limits: EngineLimits = {}) {
    this.#replay = newReplay({ limits, key: REPLAY_KEY })
    this.#deliver(this.#replay.setEndpoint(REPLAY_ENDPOINT))
  }

  onEvents(listener: Listener): void {
    this.#listeners.push(listener)
  }

  /** In force before the next frame. */
  send(commands: readonly EngineCommand[]): void {
    this.#commands.push(...commands)
    if (!this.#delivering) this.#runCommands()
  }

  async setPolicy(block: Uint8Array): Promise<void> {
    this.#deliver(this.#replay.setPolicy(block, this.names.native))
  }

  async setEndpoint(endpoint: EngineEndpoint): Promise<void> {
    this.#deliver(this.#replay.setEndpoint(endpoint))
  }

  async removeEndpoint(id: number): Promise<void> {
    this.#deliver(this.#replay.removeEndpoint(id))
  }

  counters(): Readonly<Record<string, number>> {
    return this.#replay.counters()
  }

  flows(): number {
    return this.#replay.flows()
  }

  async stop(): Promise<void> {
    this.#stopped = true
  }

  /** Every frame of a capture file, then time until the last flow is closed. */
  async run(capture: Uint8Array): Promise<Replayed> {
    const replayed = await this.feed(capture)
    for (let ms = 0; ms < CLOSING_LIMIT_MS && this.flows() > 0; ms += CLOSING_STEP_MS) {
      this.#deliver(this.#replay.advance(CLOSING_STEP_MS))
    }
    return replayed
  }

  /** Every frame of a capture file; its flows stay open. */
  async feed(capture: Uint8Array): Promise<Replayed> {
    this.#replay.open(capture)
    for (let steps = 1; !this.#stopped; steps++) {
      const octets = this.#replay.step(FRAMES_PER_STEP)
      if (octets === null) break
      this.#deliver(octets)
      if (steps % STEPS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    return { frames: this.#replay.framesRead(), cutAtOctet: this.#replay.cutAt() }
  }

  /** So many octets of event records. */
  #deliver(octets: number): void {
    if (octets > this.#events.length) this.#fetchMemory()
    if (octets > 0) {
      const events = decodeEvents(this.#events, this.#eventView, 0, octets)
      this.#delivering = true
      for (const listener of this.#listeners) listener(events)
      this.#delivering = false
    }
    this.#runCommands()
  }

  #fetchMemory(): void {
    const memory = this.#replay.memory()
    this.#events = new Uint8Array(memory)
    this.#eventView = new DataView(memory)
  }

  /** Commands cause events, and listeners answer these with commands. */
  #runCommands(): void {
    const commands = this.#commands
    if (commands.length === 0) return
    this.#commands = []
    let octets = 0
    for (const command of commands) octets += commandOctets(command)
    if (octets > this.#records.length) {
      this.#records = new Uint8Array(octets * 2)
      this.#recordView = new DataView(this.#records.buffer)
    }
    let at = 0
    for (const command of commands) {
      encodeCommand(this.#records, this.#recordView, at, command)
      at += commandOctets(command)
    }
    this.#deliver(this.#replay.command(this.#records, octets))
  }
}
