/**
 * Which big flows a `tc` filter each carries: told by the engine, counted by the kernel, few. What is said
 * of a flow here may be out of date, for a change of its endpoint's path takes its filters away; the look
 * at the kernel corrects it.
 */
import { parseAddress } from '../core/address.js'
import type { BigEvent, EngineCommand, EngineEvent, FlowId } from '../core/inspect/contract.js'
import type { Enforcer } from '../intercept/driver.js'
import type { CarriedFlows } from '../intercept/tc/carried-flows.js'
import type { CarriedFlow } from '../intercept/tc/carried-nodes.js'
import type { Endpoint, Endpoints } from './endpoints.js'

/** Of the node; each is listed twice a look. One endpoint has SLOTS (carried-nodes.ts). */
const NODE_MAX = 1024
export const LOOK_MS = 1000
/** Then the next frame comes up, and the engine sees that it lives. */
const IDLE_MS = 30_000
/** Sequence numbers tell what was missed up to 4 GiB; a link of 10 Gbit/s brings 1.2 GB between two looks. */
const OCTETS_MAX = 2 * 2 ** 30
/** What makes a flow big: one that carried less since the last look gives way to it. */
const BIG_OCTETS = 4 * 2 ** 20

export interface BigFlowsParts {
  readonly carried: Pick<CarriedFlows, 'carry' | 'counts' | 'release'>
  readonly enforcer: Enforcer
  readonly endpoints: Pick<Endpoints, 'all'>
  readonly send: (commands: readonly EngineCommand[]) => void
  readonly nowMs: () => number
  readonly warn: (message: string) => void
}

interface Entry {
  readonly flow: FlowId
  readonly endpoint: number
  readonly slot: number
  packets: number
  octets: number
  /** Between the last two looks. */
  recentOctets: number
  movedMs: number
}

export interface BigFlowCounts {
  readonly live: number
  readonly carried: number
  readonly refused: number
  readonly octets: number
}

function carriedFlow({ tuple, podSide }: BigEvent): CarriedFlow {
  const source = parseAddress(tuple.source).octets
  const destination = parseAddress(tuple.destination).octets
  const { sourcePort, destinationPort } = tuple
  return podSide === 'opener'
    ? {
        ...{ pod: source, peer: destination, opener: 'pod' },
        ...{ podPort: sourcePort, peerPort: destinationPort },
      }
    : {
        ...{ pod: destination, peer: source, opener: 'peer' },
        ...{ podPort: destinationPort, peerPort: sourcePort },
      }
}

function recalled(flow: FlowId): EngineCommand {
  return { cmd: 'recalled', flow, generation: 0 }
}

export class BigFlows {
  readonly #parts: BigFlowsParts
  readonly #entries = new Map<FlowId, Entry>()
  #carried = 0
  #refused = 0
  #octets = 0

  constructor(parts: BigFlowsParts) {
    this.#parts = parts
  }

  counts(): BigFlowCounts {
    const [live, carried] = [this.#entries.size, this.#carried]
    return { live, carried, refused: this.#refused, octets: this.#octets }
  }

  handle(events: readonly EngineEvent[]): void {
    for (const event of events) {
      if (event.ev === 'big') this.#big(event)
      else if (event.ev === 'recall') this.#recall(event.flow)
      else if (event.ev === 'closed' && this.#entries.has(event.flow)) this.#recall(event.flow)
      // Ends may be among what was lost.
      else if (event.ev === 'lost') this.#release([...this.#entries.values()])
    }
  }

  /** Every LOOK_MS. */
  look(): void {
    if (this.#entries.size === 0) return
    const entries = [...this.#entries.values()]
    for (const id of new Set(entries.map(({ endpoint }) => endpoint))) {
      this.#orWarn(id, () => this.#lookAt(id))
    }
  }

  #big(event: BigEvent): void {
    const endpoint = this.#endpoint(event.endpoint)
    const isCarried =
      endpoint?.record.driver === 'tc' &&
      endpoint.epoch === event.epoch &&
      this.#orWarn(event.endpoint, () => this.#carry(endpoint, event))
    if (isCarried) return
    this.#refused++
    this.#recall(event.flow)
  }

  #carry(endpoint: Endpoint, event: BigEvent): boolean {
    const { carried, enforcer, nowMs } = this.#parts
    const known = this.#entries.get(event.flow)
    if (known !== undefined) {
      // What came up before the filters were there tells it again.
      if (carried.counts(enforcer, endpoint.record).has(known.slot)) return true
      this.#entries.delete(event.flow)
    }
    if (this.#entries.size >= NODE_MAX && !this.#makeRoom([...this.#entries.values()])) return false
    const flow = carriedFlow(event)
    const install = () => carried.carry(enforcer, endpoint.record, flow)
    const own = [...this.#entries.values()].filter((entry) => entry.endpoint === event.endpoint)
    const slot = install() ?? (this.#makeRoom(own) ? install() : null)
    if (slot === null) return false
    // A slot that was given again was taken away before.
    for (const entry of own) if (entry.slot === slot) this.#entries.delete(entry.flow)
    this.#entries.set(event.flow, {
      ...{ flow: event.flow, endpoint: event.endpoint, slot },
      ...{ packets: 0, octets: 0, recentOctets: BIG_OCTETS, movedMs: nowMs() },
    })
    this.#carried++
    return true
  }

  /** The least moving goes, if it moves less than what asks for its place. */
  #makeRoom(entries: readonly Entry[]): boolean {
    const [least] = [...entries].sort((a, b) => a.recentOctets - b.recentOctets)
    if (least === undefined || least.recentOctets >= BIG_OCTETS) return false
    this.#release([least])
    return true
  }

  /** Answers in any case: a SYN may wait. */
  #recall(flow: FlowId): void {
    const entry = this.#entries.get(flow)
    if (entry !== undefined) this.#release([entry])
    else this.#parts.send([recalled(flow)])
  }

  #release(entries: readonly Entry[]): void {
    const { carried, enforcer, send } = this.#parts
    for (const id of new Set(entries.map(({ endpoint }) => endpoint))) {
      const own = entries.filter((entry) => entry.endpoint === id)
      const record = this.#endpoint(id)?.record
      const isGone = this.#orWarn(id, () => {
        const slots = new Set(own.map(({ slot }) => slot))
        if (record !== undefined) carried.release(enforcer, record, slots)
        return true
      })
      // Else the SYNs of these flows go on waiting, and the look at the kernel tries again.
      if (!isGone) continue
      for (const { flow } of own) this.#entries.delete(flow)
      send(own.map(({ flow }) => recalled(flow)))
    }
  }

  #lookAt(id: number): boolean {
    const { carried, enforcer, nowMs } = this.#parts
    const endpoint = this.#endpoint(id)
    const counts = endpoint ? carried.counts(enforcer, endpoint.record) : new Map<number, never>()
    const own = [...this.#entries.values()].filter((entry) => entry.endpoint === id)
    const now = nowMs()
    const going = own.filter((entry) => {
      const count = counts.get(entry.slot)
      // Another process, or a change of path, took it away.
      if (count === undefined) return true
      this.#update(entry, count, now)
      return now - entry.movedMs >= IDLE_MS || entry.octets >= OCTETS_MAX
    })
    if (going.length > 0) this.#release(going)
    return true
  }

  #update(entry: Entry, count: { packets: number; octets: number }, nowMs: number): void {
    entry.recentOctets = Math.max(0, count.octets - entry.octets)
    this.#octets += entry.recentOctets
    if (count.packets !== entry.packets) entry.movedMs = nowMs
    entry.packets = count.packets
    entry.octets = count.octets
  }

  #endpoint(id: number): Endpoint | undefined {
    return this.#parts.endpoints.all().find(({ record }) => record.id === id)
  }

  #orWarn(endpoint: number, act: () => boolean): boolean {
    try {
      return act()
    } catch (error) {
      this.#parts.warn(`endpoint ${endpoint}: carried flows: ${String(error)}`)
      return false
    }
  }
}
