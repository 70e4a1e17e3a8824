/** What is said of each flow of one capture after another: apps, names, and after how many packets. */
import type { EngineEvent, Fields, FiveTuple } from '../../src/core/inspect/contract.js'
import type { Flow, Transaction } from '../../src/dpd/judge/flow.js'
import type { JudgeReport } from '../../src/dpd/judge/report.js'

export interface SeenFlow {
  readonly tuple: FiveTuple
  readonly start: Flow['start']
  /** One after another, where protocols are nested; without 'unknown'. */
  readonly apps: readonly string[]
  readonly version: string | null
  readonly names: ReadonlySet<string>
  readonly hasPayload: boolean
  /** Packets of the flow with payload, up to the one that told the first app; null = none did. */
  readonly packetsToVerdict: number | null
}

interface OpenFlow {
  payloadPackets: number
  packetsToVerdict: number | null
  readonly apps: string[]
  readonly names: Set<string>
}

/** Fields whose values are names of what is asked for. */
const NAME_FIELDS = ['sni', 'host', 'names']

/** Host and query names as they are compared: RFC 4343 case, no final dot, no port. */
export function comparableName(name: string): string {
  return name
    .toLowerCase()
    .replace(/(^[^:]*|\]):\d+$/, '$1')
    .replace(/\.$/, '')
}

function namesIn(fields: Fields): string[] {
  return NAME_FIELDS.flatMap((field) => {
    const value = fields[field]
    if (Array.isArray(value)) return value
    return typeof value === 'string' && value !== '' ? [value] : []
  }).map(comparableName)
}

export class Tally implements JudgeReport {
  readonly #open = new Map<number, OpenFlow>()
  #closed: SeenFlow[] = []
  faults = 0
  lostEvents = 0

  /** Of the captures since it was last asked. */
  takeFlows(): SeenFlow[] {
    const flows = this.#closed
    this.#closed = []
    this.#open.clear()
    return flows
  }

  /**
   * Before the judge has them. While a flow is probed each packet with payload is one event: only a
   * parser that has the flow asks for several at once, or for none.
   */
  readonly count = (events: readonly EngineEvent[]): void => {
    for (const event of events) {
      if (event.ev === 'octets' && event.octets.length > 0) this.#of(event.flow).payloadPackets++
      else if (event.ev === 'gap') this.#of(event.flow)
    }
  }

  opened(flow: Flow): void {
    this.#of(flow.id)
  }

  judged({ id, app }: Flow): void {
    const open = this.#of(id)
    if (app === null || app === 'unknown' || open.apps.at(-1) === app) return
    open.apps.push(app)
    open.packetsToVerdict ??= open.payloadPackets
  }

  denied(): void {}

  transaction({ id }: Flow, { judged }: Transaction): void {
    for (const name of namesIn(judged)) this.#of(id).names.add(name)
  }

  closed(flow: Flow): void {
    const { payloadPackets, ...open } = this.#of(flow.id)
    this.#open.delete(flow.id)
    for (const name of namesIn(flow.fields)) open.names.add(name)
    const { version } = flow.fields
    this.#closed.push({
      ...open,
      tuple: flow.tuple,
      start: flow.start,
      version: typeof version === 'string' ? version : null,
      hasPayload: payloadPackets > 0,
    })
  }

  malformed(_flow: Flow, _clause: string, isFault: boolean): void {
    if (isFault) this.faults++
  }

  spoofed(): void {}

  lost(events: number): void {
    this.lostEvents += events
  }

  #of(id: number): OpenFlow {
    const known = this.#open.get(id)
    if (known !== undefined) return known
    const fresh = { payloadPackets: 0, packetsToVerdict: null, apps: [], names: new Set<string>() }
    this.#open.set(id, fresh)
    return fresh
  }
}
