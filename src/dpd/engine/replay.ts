/** `Engine` over a capture file: the same engine without a socket, the capture's clock for time. */
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'
import type { Engine, EngineEndpoint } from './engine.js'
import { type EngineLimits, type NativeReplay, newReplay } from './native.js'
import { commandOctets, decodeEvents, encodeCommand } from './records.js'

/** All frames of a capture are one endpoint's; who opened a flow tells its side. */
export const REPLAY_ENDPOINT: EngineEndpoint = {
  id: 1,
  path: 'tap',
  failure: 'open',
  strict: false,
  deliverAll: false,
  own: null,
  dhcpServers: [],
  epoch: 0,
}

const FRAMES_PER_TURN = 1024
const CLOSING_STEP_MS = 1000
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
  readonly #listeners: Listener[] = []
  #commands: EngineCommand[] = []
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
    this.#deliver(this.#replay.setPolicy(block))
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

  /** Every frame of a pcap file, then time until the last flow is closed. */
  async run(capture: Uint8Array): Promise<Replayed> {
    this.#replay.open(capture)
    let frames = 0
    while (!this.#stopped) {
      const records = this.#replay.step()
      if (records === null) break
      this.#deliver(records)
      frames++
      if (frames % FRAMES_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    for (let ms = 0; ms < CLOSING_LIMIT_MS && this.flows() > 0; ms += CLOSING_STEP_MS) {
      this.#deliver(this.#replay.advance(CLOSING_STEP_MS))
    }
    return { frames, cutAtOctet: this.#replay.cutAt() }
  }

  #deliver(records: Uint8Array): void {
    if (records.length > 0) {
      const view = new DataView(records.buffer, records.byteOffset, records.length)
      const events = decodeEvents(records, view, 0, records.length)
      this.#delivering = true
      for (const listener of this.#listeners) listener(events)
      this.#delivering = false
    }
    this.#runCommands()
  }

  /** Commands cause events, and listeners answer these with commands. */
  #runCommands(): void {
    const commands = this.#commands
    if (commands.length === 0) return
    this.#commands = []
    const records = new Uint8Array(commands.reduce((sum, each) => sum + commandOctets(each), 0))
    const view = new DataView(records.buffer)
    let at = 0
    for (const command of commands) {
      encodeCommand(records, view, at, command)
      at += commandOctets(command)
    }
    this.#deliver(this.#replay.command(records))
  }
}
