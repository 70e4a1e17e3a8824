/** What crosses between the main thread and the worker of a shard; all of it is plain data. */
import type { FlowQuery, FlowView } from '../../core/api/flow.js'
import type { EngineCommand, EngineEvent, FlowId } from '../../core/inspect/contract.js'
import type { EndpointsDirectory } from '../../core/policy/endpoints-directory.js'
import type { LearnedTuple } from '../../core/policy/learn.js'
import type { PortablePolicy } from '../../core/policy/portable.js'
import type { FlowNews } from '../flows.js'
import type { JudgedEndpoint } from '../judge/flow.js'
import type { PeerRecord } from '../peers.js'
import type { ReportCounters } from '../reporter.js'
import type { Spoofing } from '../spoof-book.js'

export interface PeersInput {
  readonly directory: EndpointsDirectory
  readonly records: readonly PeerRecord[]
  readonly nodeAddresses: readonly string[]
}

/** What a judge knows besides its flows: the same for all shards. */
export interface Knowledge {
  readonly endpoints: readonly JudgedEndpoint[]
  readonly policy: PortablePolicy
  readonly peers: PeersInput
  /** Somebody wants to be told of each flow. */
  readonly isFollowed: boolean
}

/** The worker's `workerData`. */
export interface ShardStart {
  /** Under which the rings are found. */
  readonly number: number
  /** One word that grows as long as the worker's event loop turns. */
  readonly progress: SharedArrayBuffer
  /** null = there is no event file. */
  readonly eventsPerSecond: number | null
  readonly endedFlowsKept: number
  /** An address outlives the TTL of its name by so much. */
  readonly nameGraceMs: number
  /** In place of one that ended: what it left unread is passed over. */
  readonly isReplacement: boolean
  readonly knowledge: Knowledge
}

export type Order =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly JudgedEndpoint[] }
  | { readonly kind: 'remove'; readonly endpoint: number }
  | { readonly kind: 'policy'; readonly policy: PortablePolicy }
  | { readonly kind: 'peers'; readonly peers: PeersInput }
  | { readonly kind: 'follow'; readonly isFollowed: boolean }
  | { readonly kind: 'list'; readonly query: FlowQuery }
  | { readonly kind: 'find'; readonly flow: FlowId }
  | { readonly kind: 'counts' }
  /** Reads what the engine, which has stopped, left in the ring, and reports it. */
  | { readonly kind: 'finish' }

export interface Answers {
  readonly endpoints: null
  readonly remove: null
  readonly policy: null
  readonly peers: null
  readonly follow: null
  readonly list: readonly FlowView[]
  readonly find: FlowView | null
  readonly counts: ShardCounts
  readonly finish: null
}

export interface ShardCounts {
  readonly reports: ReportCounters
  /** Events over the rate cap. */
  readonly eventsLost: number
  /** Reports that found no room. */
  readonly reportsLost: number
  /** By endpoint. */
  readonly liveFlows: ReadonlyMap<number, number>
}

export interface Learned {
  readonly namespace: string
  readonly pod: string
  readonly tuple: LearnedTuple
}

export interface News {
  readonly news: FlowNews
  readonly flow: FlowView
}

/** What a worker gathered for some milliseconds. */
export interface Reports {
  /** Of the event file: so many lines. */
  readonly events: string
  readonly lines: number
  readonly learned: readonly Learned[]
  readonly news: readonly News[]
  readonly spoofed: readonly Spoofing[]
}

export type ToWorker =
  | { readonly kind: 'order'; readonly id: number; readonly order: Order }
  /** A batch of reports was read. */
  | { readonly kind: 'taken' }
  /** Of the main thread to the engine. */
  | { readonly kind: 'commands'; readonly commands: readonly EngineCommand[] }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly kind: 'reports'; readonly reports: Reports }
  | { readonly kind: 'counts'; readonly counts: ShardCounts }
  /** What is told of flows that filters may carry. */
  | { readonly kind: 'big'; readonly events: readonly EngineEvent[] }
