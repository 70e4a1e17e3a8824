/** One damaged capture through engine, parsers and judge, and what must hold of it. */
import type { EngineEvent } from '../../src/core/inspect/contract.js'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../src/core/policy/model.js'
import { openReplay } from '../../src/dpd/replay.js'
import { type Packet, writeCapture } from './captures.js'
import { cpuMs } from './spent.js'

/** Small, so that inputs fill it. */
export const FLOWS_LIMIT = 256
/** Of one packet: engine, parsers and judge. */
const PACKET_MS = 10
/** The garbage collector is slow now and then; what is slow each time is a fault. */
const TIMED_RUNS = 6

export class Bed {
  #faults: string[] = []

  private constructor(private readonly parts: Awaited<ReturnType<typeof openReplay>>) {}

  static async open(): Promise<Bed> {
    const faults: string[] = []
    const parts = await openReplay({
      set: EMPTY_POLICY_SET,
      directory: EMPTY_DIRECTORY,
      namespace: 'default',
      pod: 'capture',
      flowsKept: 16,
      limits: { flows: FLOWS_LIMIT },
      onEvents: (events) => {
        for (const event of events) if (event.ev === 'lost') faults.push(lostText(event))
      },
    })
    const bed = new Bed(parts)
    bed.#faults = faults
    return bed
  }

  counter(name: string): number {
    const count = this.parts.engine.counters()[name]
    if (count === undefined) throw new Error(`the engine has no counter ${name}`)
    return count
  }

  /** null = all holds. */
  async broken(linkType: number, packets: readonly Packet[]): Promise<string | null> {
    const started = cpuMs()
    const why = await this.#run(writeCapture(linkType, packets))
    // A packet can't have taken longer than all of them.
    const isSlow = cpuMs() - started > PACKET_MS
    return why ?? (isSlow ? await this.#slowPacket(linkType, packets) : null)
  }

  async #run(file: Uint8Array): Promise<string | null> {
    const { engine, judge, reporter } = this.parts
    const faultsBefore = reporter.counters().parserFaults
    try {
      await engine.feed(file)
      if (engine.flows() > FLOWS_LIMIT) return `${engine.flows()} flows in the engine`
      const judged = [...judge.flows()].length
      if (judged > FLOWS_LIMIT) return `${judged} flows with the judge`
      await engine.run(writeCapture(1, []))
    } catch (error) {
      return `exception: ${(error as Error).stack ?? String(error)}`
    }
    if (reporter.counters().parserFaults > faultsBefore) return 'a parser broke the contract'
    if (engine.flows() > 0) return `${engine.flows()} flows never end`
    const [left] = judge.flows()
    if (left !== undefined) return `the judge keeps flow ${left.id}, which has ended`
    if (this.counter('held_octets') > 0) return `${this.counter('held_octets')} octets held`
    return this.#faults.shift() ?? null
  }

  async #slowPacket(linkType: number, packets: readonly Packet[]): Promise<string | null> {
    const fastest = packets.map(() => Number.POSITIVE_INFINITY)
    for (let run = 0; run < TIMED_RUNS && Math.max(...fastest) > PACKET_MS; run++) {
      const times = await this.#times(linkType, packets)
      times.forEach((ms, i) => {
        fastest[i] = Math.min(fastest[i] ?? ms, ms)
      })
    }
    const slowest = Math.max(...fastest)
    const which = fastest.indexOf(slowest)
    return slowest > PACKET_MS ? `packet ${which} took ${slowest.toFixed(1)} ms` : null
  }

  /** Each packet as a capture of its own, on flows that stay open until all have had their turn. */
  async #times(linkType: number, packets: readonly Packet[]): Promise<number[]> {
    const { engine } = this.parts
    const times: number[] = []
    for (const packet of packets) {
      const file = writeCapture(linkType, [packet])
      const started = cpuMs()
      await engine.feed(file)
      times.push(cpuMs() - started)
    }
    await engine.run(writeCapture(1, []))
    return times
  }
}

const lostText = ({ events }: Extract<EngineEvent, { ev: 'lost' }>): string =>
  `${events} events lost`
