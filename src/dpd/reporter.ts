/** What becomes of the judge's reports: the flow book, the event file, counters, what is learned. */
import {
  denialEvent,
  type EveEvent,
  type EventFlow,
  flowEvent,
  isTransactionType,
  transactionEvent,
} from '../core/events/eve.js'
import type { ClosedEvent, SpoofedEvent } from '../core/inspect/contract.js'
import type { LearnedPeer } from '../core/policy/learn.js'
import { eventFlow, peerAddress, viewEnded, viewFlow } from './flow-view.js'
import type { FlowBook, FlowNews } from './flows.js'
import type { Flow, JudgedEndpoint, Transaction } from './judge/flow.js'
import type { JudgeReport } from './judge/report.js'
import type { Ruling } from './judge/ruling.js'
import { LabelCounts } from './label-counts.js'
import { tuplesOf } from './learned-tuples.js'
import type { Learning } from './learning.js'
import type { Spoofing } from './spoof-book.js'

export interface ReporterParts {
  /** null where nothing is written, and nothing learned (replay). */
  readonly events: { write(make: () => EveEvent): void } | null
  readonly learning: Pick<Learning, 'learn'> | null
  readonly spoofed: (spoofing: Spoofing) => void
  readonly nowMs: () => number
  readonly peerName: (address: string) => string | null
  readonly learnedPeer: (address: string) => LearnedPeer | null
  readonly book: () => FlowBook
}

export interface ReportCounters {
  readonly opened: number
  readonly lostEvents: number
  readonly malformed: number
  readonly parserFaults: number
  /** By `verdict app mode`. */
  readonly transactions: ReadonlyMap<string, number>
  readonly flows: ReadonlyMap<string, number>
  readonly denials: ReadonlyMap<string, number>
}

export class Reporter implements JudgeReport {
  readonly #transactions = new LabelCounts()
  readonly #flows = new LabelCounts()
  readonly #denials = new LabelCounts()
  #opened = 0
  #lost = 0
  #malformed = 0
  #parserFaults = 0

  constructor(private readonly parts: ReporterParts) {}

  counters(): ReportCounters {
    return {
      opened: this.#opened,
      lostEvents: this.#lost,
      malformed: this.#malformed,
      parserFaults: this.#parserFaults,
      transactions: this.#transactions.all(),
      flows: this.#flows.all(),
      denials: this.#denials.all(),
    }
  }

  opened(flow: Flow): void {
    this.#opened++
    this.#tell('opened', flow)
  }

  judged(flow: Flow): void {
    this.#tell('judged', flow)
  }

  denied(flow: Flow, ruling: Ruling, transaction: Transaction | null): void {
    this.#denials.count(ruling.reason, flow.app ?? 'none', flow.endpoint.mode)
    this.parts.events?.write(() => {
      const fields = transaction?.fields ?? flow.fields
      return denialEvent(this.#eventFlow(flow), ruling, fields, this.parts.nowMs())
    })
    this.#tell('judged', flow)
  }

  transaction(flow: Flow, transaction: Transaction): void {
    const { ruling, app } = transaction
    this.#transactions.count(ruling.verdict, app, flow.endpoint.mode)
    this.#learn(flow, transaction)
    const { events } = this.parts
    if (events === null || !isTransactionType(app)) return
    events.write(() => {
      const told = { fields: transaction.fields, decision: ruling }
      return transactionEvent(this.#eventFlow(flow), app, told, this.parts.nowMs())
    })
  }

  closed(flow: Flow, event: Pick<ClosedEvent, 'how' | 'counts'>): void {
    this.#flows.count(flow.ruling.verdict, flow.app ?? 'none', flow.endpoint.mode)
    if (flow.transactionsTotal === 0) this.#learn(flow, null)
    const { events, nowMs, peerName } = this.parts
    const book = this.parts.book()
    // Who had the address then: by the time somebody asks it may be another's.
    const peer = peerName(peerAddress(flow))
    const atMs = nowMs()
    const { how, counts } = event
    const ended = book.ended.add(flow, peer, { how, counts, atMs })
    if (book.isFollowed) book.tell('closed', viewEnded(ended))
    if (events === null) return
    events.write(() => flowEvent(eventFlow(flow, peer), flow.ruling, event, flow.startedAtMs, atMs))
  }

  malformed(_flow: Flow, _clause: string, isFault: boolean): void {
    if (isFault) this.#parserFaults++
    else this.#malformed++
  }

  spoofed(endpoint: JudgedEndpoint, event: Pick<SpoofedEvent, 'what' | 'frames'>): void {
    const { id, namespace, pod, ifName, mode } = endpoint
    const spoofer = { id, namespace, pod, ifName, mode }
    this.parts.spoofed({ spoofer, reason: `spoofed-${event.what}`, frames: event.frames })
  }

  lost(events: number): void {
    this.#lost += events
  }

  #learn(flow: Flow, transaction: Transaction | null): void {
    const { learning, learnedPeer } = this.parts
    if (learning === null || flow.endpoint.mode !== 'discover') return
    const { namespace, pod } = flow.endpoint
    const fields = transaction?.fields ?? flow.fields
    for (const tuple of tuplesOf(flow, learnedPeer, fields)) learning.learn(namespace, pod, tuple)
  }

  #view(flow: Flow): ReturnType<typeof viewFlow> {
    return viewFlow(flow, this.parts.peerName)
  }

  #tell(news: FlowNews, flow: Flow): void {
    const book = this.parts.book()
    if (book.isFollowed) book.tell(news, this.#view(flow))
  }

  #eventFlow(flow: Flow): EventFlow {
    return eventFlow(flow, this.parts.peerName(peerAddress(flow)))
  }
}
