/**
 * The judge: the engine's events and the policy in, the engine's commands out. No clock, no I/O; the
 * daemon and the replay drive the same one.
 */
import type {
  At,
  BigEvent,
  ClosedEvent,
  Dir,
  EngineCommand,
  EngineEvent,
  FlowCounts,
  FlowId,
  GapEvent,
  HoldEndedEvent,
  LostEvent,
  OctetsEvent,
  OpenedEvent,
  Parser,
  RecallEvent,
  SpoofedEvent,
} from '../../core/inspect/contract.js'
import type { CompiledPolicy } from '../../core/policy/compiled.js'
import { type NameBook, NO_NAMES } from '../../core/policy/name-book.js'
import { RULE_HOLD_LIMIT, RULE_MIDSTREAM } from '../../core/policy/rule-id.js'
import { midstreamPasses } from '../../core/policy/settlement.js'
import { Inspection } from '../dpi/stream.js'
import { Court } from './court.js'
import { deliberate, endTransaction, setRuling } from './deliberate.js'
import { Flow, IPPROTO_TCP, type JudgedEndpoint, type Reading, transportOf } from './flow.js'
import { FlowTable } from './flow-table.js'
import { RECENT_FLOWS, RecentFlows } from './recent-flows.js'
import { rejudge } from './rejudge.js'
import type { JudgeReport } from './report.js'
import { putToRest, wake } from './resting.js'
import type { Ruling } from './ruling.js'

/** As the engine's flow table: more can only be flows whose end was lost with the ring full. */
const FLOWS_MAX = 262_144
const NOT_COUNTED: FlowCounts = { packets: { orig: 0, reply: 0 }, octets: { orig: 0, reply: 0 } }

export interface JudgeSettings {
  readonly policy: CompiledPolicy
  readonly parsers: readonly Parser<unknown>[]
  readonly report: JudgeReport
  readonly nowMs: () => number
  /** Absent: nothing is learned. */
  readonly names?: NameBook
  readonly flowsMax?: number
  /** All others that are between two messages are put to rest. */
  readonly recentFlowsMax?: number
}

/** How far the flows are judged by a new policy: first those of which octets may be held. */
interface Sweep {
  readonly of: 'held' | 'all'
  readonly bucket: number
}

export interface Rejudged {
  readonly commands: EngineCommand[]
  /** Every live flow is judged by the policy in force. */
  readonly done: boolean
}

export class Judge {
  readonly #flows = new FlowTable()
  readonly #endpoints = new Map<number, JudgedEndpoint>()
  readonly #recent: RecentFlows
  #court: Court
  #policyTurn = 0
  #sweep: Sweep | null = null

  constructor(private readonly settings: JudgeSettings) {
    this.#court = this.#courtOf(settings.policy)
    this.#recent = new RecentFlows(settings.recentFlowsMax ?? RECENT_FLOWS)
  }

  #courtOf(policy: CompiledPolicy): Court {
    const { report, names, nowMs } = this.settings
    return new Court(policy, report, names ?? NO_NAMES, nowMs)
  }

  get generation(): number {
    return this.#court.policy.generation
  }

  flows(): Iterable<Flow> {
    return this.#flows
  }

  flow(id: FlowId): Flow | undefined {
    return this.#flows.get(id)
  }

  setEndpoint(endpoint: JudgedEndpoint): void {
    this.#endpoints.set(endpoint.id, endpoint)
  }

  /** Call it when the engine has removed it: flows whose end it did not report end here. */
  removeEndpoint(id: number): void {
    this.#endpoints.delete(id)
    for (const flow of this.#flows) {
      if (flow.endpoint.id === id) this.#closed(flow, { how: 'evicted', counts: NOT_COUNTED })
    }
  }

  /**
   * In force at once for whatever comes; live flows that nothing comes of are left to rejudgeSome().
   * Call it when the engine has the policy in force.
   */
  setPolicy(policy: CompiledPolicy): void {
    this.#court = this.#courtOf(policy)
    this.#policyTurn++
    this.#sweep = { of: 'held', bucket: 0 }
  }

  /** Looks at `flowsMax` live flows or few more, of which some need it. Call it until it says `done`. */
  rejudgeSome(flowsMax: number): Rejudged {
    if (this.#sweep === null) return { commands: [], done: true }
    const { of, bucket } = this.#sweep
    const next = this.#flows.visit(bucket, flowsMax, (flow) => {
      if (of !== 'all' && !isHeld(flow)) return
      const wasAtRest = flow.atRest !== null
      this.#bringUpToDate(flow)
      if (wasAtRest) settleDown(flow)
    })
    if (next !== null) this.#sweep = { of, bucket: next }
    else this.#sweep = of === 'held' ? { of: 'all', bucket: 0 } : null
    return { commands: this.#court.takeCommands(), done: this.#sweep === null }
  }

  #bringUpToDate(flow: Flow): void {
    if (flow.policyTurn === this.#policyTurn) return
    flow.policyTurn = this.#policyTurn
    flow.endpoint = this.#endpoints.get(flow.endpoint.id) ?? flow.endpoint
    wake(flow, this.settings.parsers)
    const { reading } = flow
    rejudge(this.#court, flow)
    if (reading !== null && flow.reading === null) this.#recent.remove(reading)
  }

  /** `reading`: what it had before the event. */
  #remember(flow: Flow, reading: Reading | null): void {
    if (reading === null) return
    if (flow.reading === null) this.#recent.remove(reading)
    else if (reading.place < 0) {
      const oldest = this.#recent.add(flow, reading)
      if (oldest !== null) putToRest(oldest)
    }
  }

  handle(events: readonly EngineEvent[]): EngineCommand[] {
    for (const event of events) this.#handleOne(event)
    return this.#court.takeCommands()
  }

  #handleOne(event: EngineEvent): void {
    if (event.ev === 'opened') this.#opened(event)
    else if (event.ev === 'lost') this.settings.report.lost(event.events)
    else if (event.ev === 'spoofed') this.#spoofed(event)
    else if (event.ev === 'big' || event.ev === 'recall') return
    else this.#ofFlow(event)
  }

  #spoofed(event: SpoofedEvent): void {
    const endpoint = this.#endpoints.get(event.endpoint)
    if (endpoint !== undefined) this.settings.report.spoofed(endpoint, event)
  }

  #ofFlow(
    event: Exclude<EngineEvent, OpenedEvent | LostEvent | SpoofedEvent | BigEvent | RecallEvent>,
  ): void {
    const flow = this.#flows.get(event.flow)
    if (flow === undefined) return
    this.#bringUpToDate(flow)
    if (event.ev === 'closed') {
      this.#closed(flow, event)
      return
    }
    wake(flow, this.settings.parsers)
    const { reading } = flow
    if (event.ev === 'octets') this.#octets(flow, event)
    else if (event.ev === 'gap') this.#gap(flow, event)
    else this.#holdEnded(flow, event)
    this.#remember(flow, reading)
  }

  #opened(event: OpenedEvent): void {
    const endpoint = this.#endpoints.get(event.endpoint)
    if (endpoint === undefined) return
    const { rulings } = this.#court
    const unruled = rulings.of({ verdict: 'undecided', rule: 0, needs: 'app' })
    const flow = new Flow(event, endpoint, unruled, this.settings.nowMs())
    flow.policyTurn = this.#policyTurn
    if (this.#flows.size >= (this.settings.flowsMax ?? FLOWS_MAX)) this.#forgetOldest()
    this.#flows.add(flow)
    flow.ruling = this.#firstRuling(flow, event)
    const transport = transportOf(event.tuple)
    const isOver = flow.ruling.verdict !== 'undecided'
    if (isOver)
      flow.phase = flow.ruling.verdict === 'deny' && endpoint.enforced ? 'denied' : 'settled'
    const wantsOctets = endpoint.depth === 'rules' ? !isOver : flow.phase !== 'denied'
    if (transport !== null && wantsOctets) {
      const view = { flow: flow.id, tuple: event.tuple, transport }
      flow.read(new Inspection(view, this.settings.parsers))
    }
    // Where nothing is enforced each transaction is still to be judged.
    if (!endpoint.enforced && flow.reading !== null) flow.phase = 'judging'
    this.#remember(flow, flow.reading)
    this.settings.report.opened(flow)
    if (flow.ruling.verdict === 'deny') this.settings.report.denied(flow, flow.ruling, null)
  }

  /** The engine's own where it decided under this generation; the same question asked here otherwise. */
  #firstRuling(flow: Flow, event: OpenedEvent): Ruling {
    const { rulings, policy } = this.#court
    const isDecided = event.l4 !== 'undecided' && event.generation === policy.generation
    if (isDecided && !this.#court.hasStaged(flow)) return rulings.by(event.rule, event.l4)
    const ruling = this.#court.evaluate(flow, { app: null })
    if (isDecided) return rulings.by(event.rule, event.l4)
    if (event.start !== 'midstream' || ruling.verdict !== 'undecided') return ruling
    if (!flow.endpoint.enforced) return ruling
    return this.#ruleMidstream(flow)
  }

  #ruleMidstream(flow: Flow): Ruling {
    const { policy, rulings } = this.#court
    const connection = { ...flow.connection, sourcePort: flow.tuple.sourcePort }
    const passes = midstreamPasses(
      policy,
      flow.endpoint.id,
      connection,
      this.#court.peerNames(flow),
    )
    const ruling = rulings.by(RULE_MIDSTREAM, passes ? 'allow' : 'deny')
    if (passes) this.#court.settle(flow, ruling)
    else this.#court.denyFlow(flow, 0, ruling, null)
    return ruling
  }

  #octets(flow: Flow, event: OctetsEvent): void {
    const { reading } = flow
    if (reading === null || flow.phase === 'denied') return
    const { dir, at, octets, ended } = event
    const isStream = flow.tuple.protocol === IPPROTO_TCP
    advance(reading, dir, isStream ? at + octets.length : at + 1)
    deliberate(this.#court, flow, reading, reading.inspection.octets(dir, at, octets, ended))
  }

  #gap(flow: Flow, event: GapEvent): void {
    const { reading } = flow
    if (reading === null || flow.phase === 'denied') return
    const { dir, at, octets } = event
    advance(reading, dir, at + octets)
    deliberate(this.#court, flow, reading, reading.inspection.gap(dir, at, octets))
  }

  #holdEnded(flow: Flow, event: HoldEndedEvent): void {
    const verdict = event.took === 'open' ? 'allow' : 'deny'
    const ruling = this.#court.rulings.by(RULE_HOLD_LIMIT, verdict)
    const released = flow.reading?.released
    if (released !== undefined) released[event.dir] = Math.max(released[event.dir], event.at)
    setRuling(this.#court, flow, ruling)
    if (verdict === 'allow') return
    flow.phase = 'denied'
    flow.reading = null
    this.settings.report.denied(flow, ruling, null)
  }

  #forgetOldest(): void {
    const oldest = this.#flows.oldest()
    if (oldest !== undefined) this.#closed(oldest, { how: 'evicted', counts: NOT_COUNTED })
  }

  #closed(flow: Flow, event: Pick<ClosedEvent, 'how' | 'counts'>): void {
    if (flow.atRest === null) {
      for (const transaction of flow.transactions) endTransaction(this.#court, flow, transaction)
    }
    if (flow.reading !== null) this.#recent.remove(flow.reading)
    flow.reading = null
    this.#flows.delete(flow)
    this.settings.report.closed(flow, event)
  }
}

/** Of one that was at rest: of a denied flow no more is read. */
function settleDown(flow: Flow): void {
  if (flow.phase === 'denied') flow.reading = null
  else putToRest(flow)
}

/** For a second at most (`HoldLimits`); not of one at rest. */
function isHeld({ endpoint, phase, reading }: Flow): boolean {
  return endpoint.enforced && phase === 'judging' && reading !== null
}

function advance({ delivered }: Reading, dir: Dir, to: At): void {
  delivered[dir] = Math.max(delivered[dir], to)
}
