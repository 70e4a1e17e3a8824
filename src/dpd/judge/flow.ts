/** What the judge remembers of one live flow; kept small, there may be a hundred thousand. */
import type { Failure, Mode } from '../../core/endpoint.js'
import type {
  At,
  Dir,
  Fields,
  FiveTuple,
  FlowId,
  OpenedEvent,
  TxId,
} from '../../core/inspect/contract.js'
import type { CompiledPolicy } from '../../core/policy/compiled.js'
import type { Connection } from '../../core/policy/evaluate.js'
import type { Settlement } from '../../core/policy/settlement.js'
import type { Depth } from '../depth.js'
import type { Inspection } from '../dpi/stream.js'
import type { Ruling } from './ruling.js'
import { readFlow, restoreTransactions } from './saved-flow.js'
import { NO_FIELDS, type Transaction } from './transaction.js'

export { Transaction, type TransactionFact } from './transaction.js'

/** What the judge must know of an endpoint. */
export interface JudgedEndpoint {
  readonly id: number
  readonly namespace: string
  readonly pod: string
  readonly ifName: string
  readonly mode: Mode
  readonly failure: Failure
  /** inline: verdicts act; tap: they are only recorded. */
  readonly enforced: boolean
  readonly depth: Depth
}

/** judging: facts may still change the verdict; settled and denied: the engine has the last word. */
export type Phase = 'judging' | 'settled' | 'denied'

/** Of a flow whose octets are read. */
export interface Reading {
  readonly inspection: Inspection
  readonly released: Record<Dir, At>
  readonly delivered: Record<Dir, At>
  /** What the policy last said of the flow as a whole. */
  standing: Standing | null
  /** The recent flows'; -1 = it is none of them. */
  place: number
}

/** The verdict on every flow of one connection and app, whatever its transactions say. */
export interface Standing {
  readonly policy: CompiledPolicy
  readonly app: string | null
  readonly ruling: Ruling
  readonly staged: Ruling | null
  /** null = not asked yet. */
  settlement: Settlement | null
}

const NO_TRANSACTIONS: readonly Transaction[] = Object.freeze([])

export class Flow {
  readonly id: FlowId
  readonly tuple: FiveTuple
  readonly podSide: OpenedEvent['podSide']
  readonly start: OpenedEvent['start']
  phase: Phase = 'judging'
  /** The innermost app that was identified; 'unknown' when no parser is left. */
  app: string | null = null
  fields: Fields = NO_FIELDS
  /** What the staged policies would do. */
  staged: Ruling | null = null
  /** The flow table's. */
  nextInBucket: Flow | null = null
  /** The judge's: which of the policies that it was given the flow is judged by. */
  policyTurn = 0
  /** null when nobody reads it, or any more, or while it is at rest. */
  reading: Reading | null = null
  /** Text: the flow is at rest, and its reading is in there too. */
  #kept: readonly Transaction[] | string = NO_TRANSACTIONS
  transactionsTotal = 0

  constructor(
    event: Pick<OpenedEvent, 'flow' | 'tuple' | 'podSide' | 'start'>,
    public endpoint: JudgedEndpoint,
    public ruling: Ruling,
    readonly startedAtMs: number,
  ) {
    this.id = event.flow
    this.tuple = event.tuple
    this.podSide = event.podSide
    this.start = event.start
  }

  /** Open ones and the last few ended. */
  get transactions(): readonly Transaction[] {
    const kept = this.#kept
    if (typeof kept !== 'string') return kept
    return restoreTransactions(this, readFlow(kept))
  }

  /** What it is kept as while nothing comes of it; null = it is not at rest. */
  get atRest(): string | null {
    return typeof this.#kept === 'string' ? this.#kept : null
  }

  rest(text: string): void {
    this.#kept = text
    this.reading = null
  }

  wake(reading: Reading, transactions: readonly Transaction[]): void {
    this.#kept = transactions
    this.reading = reading
  }

  get connection(): Connection {
    const { protocol, source, destination, destinationPort } = this.tuple
    return { podSide: this.podSide, protocol, source, destination, destinationPort }
  }

  read(inspection: Inspection): void {
    const released = { orig: 0, reply: 0 }
    const delivered = { orig: 0, reply: 0 }
    this.reading = { inspection, released, delivered, standing: null, place: -1 }
  }

  add(transaction: Transaction): void {
    this.transactionsTotal++
    const kept = [...this.transactions, transaction]
    // Ended ones beyond the last few are forgotten; open ones never are, and streams end in any order.
    for (let at = 0; kept.length > TRANSACTIONS_KEPT && at < kept.length; ) {
      if (kept[at]?.ended === true) kept.splice(at, 1)
      else at++
    }
    this.#kept = kept
  }

  transaction(tx: TxId): Transaction | undefined {
    return this.transactions.findLast((transaction) => transaction.tx === tx)
  }
}

/** `why` shows the last few transactions of a flow. */
export const TRANSACTIONS_KEPT = 8

export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17

export function transportOf(tuple: FiveTuple): 'tcp' | 'udp' | null {
  if (tuple.protocol === IPPROTO_TCP) return 'tcp'
  return tuple.protocol === IPPROTO_UDP ? 'udp' : null
}
