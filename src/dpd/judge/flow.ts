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
import type { Connection } from '../../core/policy/evaluate.js'
import type { Inspection } from '../dpi/stream.js'
import type { Ruling } from './ruling.js'

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
  /** Octets keep coming after a flow is settled. */
  readonly deliverAll: boolean
}

export interface Transaction {
  readonly tx: TxId
  readonly app: string
  readonly begin: At
  fields: Fields
  complete: boolean
  ruling: Ruling
  ended: boolean
}

/** judging: facts may still change the verdict; settled and denied: the engine has the last word. */
export type Phase = 'judging' | 'settled' | 'denied'

export interface Flow {
  readonly id: FlowId
  endpoint: JudgedEndpoint
  readonly tuple: FiveTuple
  readonly connection: Connection
  readonly start: OpenedEvent['start']
  readonly startedAtMs: number
  phase: Phase
  /** The innermost app that was identified; 'unknown' when no parser is left. */
  app: string | null
  fields: Fields
  ruling: Ruling
  /** What the staged policies would do. */
  staged: Ruling | null
  inspection: Inspection | null
  /** Open ones and the last few ended. */
  transactions: Transaction[]
  transactionsTotal: number
  readonly released: Record<Dir, At>
  readonly delivered: Record<Dir, At>
}

/** `why` shows the last few transactions of a flow. */
export const TRANSACTIONS_KEPT = 8

export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17

export function transportOf(tuple: FiveTuple): 'tcp' | 'udp' | null {
  if (tuple.protocol === IPPROTO_TCP) return 'tcp'
  return tuple.protocol === IPPROTO_UDP ? 'udp' : null
}

export function openFlow(
  event: OpenedEvent,
  endpoint: JudgedEndpoint,
  ruling: Ruling,
  nowMs: number,
): Flow {
  const { tuple, podSide } = event
  return {
    id: event.flow,
    endpoint,
    tuple,
    connection: {
      podSide,
      protocol: tuple.protocol,
      source: tuple.source,
      destination: tuple.destination,
      destinationPort: tuple.destinationPort,
    },
    start: event.start,
    startedAtMs: nowMs,
    phase: 'judging',
    app: null,
    fields: {},
    ruling,
    staged: null,
    inspection: null,
    transactions: [],
    transactionsTotal: 0,
    released: { orig: 0, reply: 0 },
    delivered: { orig: 0, reply: 0 },
  }
}

export function transactionOf(flow: Flow, tx: TxId): Transaction | undefined {
  return flow.transactions.findLast((transaction) => transaction.tx === tx)
}

/** Ended transactions beyond the last few are forgotten; open ones never are. */
export function forgetOldTransactions(flow: Flow): void {
  while (flow.transactions.length > TRANSACTIONS_KEPT && flow.transactions[0]?.ended === true) {
    flow.transactions.shift()
  }
}
