/** What the judge remembers of one live flow; kept small, there may be a hundred thousand. */
import type { Failure, Mode } from '../../core/endpoint.js'
import type {
  At,
  Dir,
  Fact,
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

type Detail = () => Fields

function both(first: Detail | null, second: Detail | null): Detail | null {
  if (first === null || second === null) return first ?? second
  return () => ({ ...second(), ...first() })
}

const NO_FIELDS: Fields = Object.freeze({})
const NO_NAMES: readonly string[] = Object.freeze([])

export type TransactionFact = Extract<Fact, { readonly kind: 'tx' }>

export class Transaction {
  readonly tx: TxId
  readonly app: string
  readonly begin: At
  /** Of the request: what policy asks for. */
  request: Fields
  reply: Fields | null = null
  #detail: Detail | null
  /** Of header fields: those that policy has asked for, there or not. */
  #kept: readonly string[] = NO_NAMES
  complete: boolean
  ended = false

  constructor(
    app: string,
    fact: TransactionFact,
    public ruling: Ruling,
  ) {
    this.tx = fact.tx
    this.app = app
    this.begin = fact.begin
    this.request = fact.fields
    this.#detail = fact.detail ?? null
    this.complete = fact.complete
  }

  /** What the request said stands. */
  get judged(): Fields {
    return this.reply === null ? this.request : withReply(this.request, this.reply)
  }

  /** As `judged`, with these header fields; they stay for the next generation to ask for. */
  withHeaders(names: readonly string[]): Fields {
    const unkept = names.filter((name) => !this.#kept.includes(name))
    if (unkept.length > 0) {
      this.request = { ...this.request, ...headersOf(this.#remembered(), unkept) }
      this.#kept = [...this.#kept, ...unkept]
    }
    return this.judged
  }

  /** Null = it is gone. */
  #remembered(): Fields | null {
    return this.#detail?.() ?? (this.ended ? null : NO_FIELDS)
  }

  get fields(): Fields {
    return this.#detail === null ? this.judged : { ...this.judged, ...this.#detail() }
  }

  add(fact: TransactionFact): void {
    if (fact.dir === 'orig') {
      this.request = { ...this.request, ...fact.fields }
      this.complete = fact.complete
      this.#kept = NO_NAMES
    } else {
      this.reply = this.reply === null ? fact.fields : { ...fact.fields, ...this.reply }
    }
    this.#detail = both(this.#detail, fact.detail ?? null)
  }

  end(): void {
    this.ended = true
    this.#detail = null
  }
}

function withReply(request: Fields, reply: Fields): Fields {
  const all: Record<string, Fields[string]> = { ...request }
  for (const name in reply) if (!(name in request)) all[name] = reply[name] as Fields[string]
  return all
}

/** Header fields of a request; one that is gone can be any: it is ambiguous. */
function headersOf(detail: Fields | null, names: readonly string[]): Fields {
  const picked: Record<string, Fields[string]> = {}
  for (const name of names) {
    const value = detail?.[`header.${name}`]
    if (value !== undefined) picked[`header.${name}`] = value
    const flag = `ambiguousHeader.${name}`
    if (detail === null || detail[flag] === true) picked[flag] = true
  }
  return picked
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
  /** null when nobody reads it, or any more. */
  reading: Reading | null = null
  /** Open ones and the last few ended. */
  transactions: readonly Transaction[] = NO_TRANSACTIONS
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

  get connection(): Connection {
    const { protocol, source, destination, destinationPort } = this.tuple
    return { podSide: this.podSide, protocol, source, destination, destinationPort }
  }

  read(inspection: Inspection): void {
    const released = { orig: 0, reply: 0 }
    const delivered = { orig: 0, reply: 0 }
    this.reading = { inspection, released, delivered, standing: null }
  }

  add(transaction: Transaction): void {
    this.transactionsTotal++
    const kept = [...this.transactions, transaction]
    // Ended ones beyond the last few are forgotten; open ones never are, and streams end in any order.
    for (let at = 0; kept.length > TRANSACTIONS_KEPT && at < kept.length; ) {
      if (kept[at]?.ended === true) kept.splice(at, 1)
      else at++
    }
    this.transactions = kept
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
