/** The judges of all shards: told the same, asked together; their reports go one way. */
import type { FlowQuery, FlowView } from '../../core/api/flow.js'
import type { EngineCommand, EngineEvent, FlowId } from '../../core/inspect/contract.js'
import type { CompiledPolicy } from '../../core/policy/compiled.js'
import { toPortable } from '../../core/policy/portable.js'
import type { LearnedNames } from '../engine/learned-names.js'
import type { EventsFile } from '../events-file.js'
import { ENDED_FLOWS_KEPT, type FlowQueries, type Follower } from '../flows.js'
import type { JudgedEndpoint } from '../judge/flow.js'
import type { Learning } from '../learning.js'
import type { SpoofBook } from '../spoof-book.js'
import { addCounts, NO_COUNTS } from './counts.js'
import type { Knowledge, PeersInput, Reports, ShardCounts } from './messages.js'
import { ShardJudge, type ShardJudgeParts } from './shard-judge.js'

export interface ShardsParts
  extends Omit<
    ShardJudgeParts,
    'name' | 'number' | 'endedFlowsKept' | 'knowledge' | 'onReports' | 'onBigFlows'
  > {
  /** Of the engine's shards, in this process. */
  readonly numbers: readonly number[]
  /** With an empty set, until the first one is read. */
  readonly policy: CompiledPolicy
  readonly peers: PeersInput
  readonly events: Pick<EventsFile, 'writeLines'>
  readonly learning: Pick<Learning, 'learn'>
  readonly spoofs: Pick<SpoofBook, 'add'>
  readonly names: Pick<LearnedNames, 'forget'>
}

export class Shards implements FlowQueries {
  readonly #judges: readonly ShardJudge[]
  readonly #endpoints = new Map<number, JudgedEndpoint>()
  #policy
  #peers: PeersInput
  readonly #followers = new Set<Follower>()
  #bigListener: (events: readonly EngineEvent[]) => void = () => undefined

  constructor(private readonly parts: ShardsParts) {
    this.#policy = toPortable(parts.policy, [])
    this.#peers = parts.peers
    const { numbers } = parts
    const endedFlowsKept = Math.ceil(ENDED_FLOWS_KEPT / numbers.length)
    this.#judges = numbers.map(
      (number, i) =>
        new ShardJudge({
          ...parts,
          ...{ number, endedFlowsKept },
          name: `shard ${i}`,
          knowledge: () => this.#knowledge(),
          onReports: (reports) => this.#take(reports),
          onBigFlows: (events) => this.#bigListener(events),
        }),
    )
  }

  /** Those that are known as they are, are not told again. */
  async setEndpoints(endpoints: readonly JudgedEndpoint[]): Promise<void> {
    const news = endpoints.filter((endpoint) => !isSame(endpoint, this.#endpoints.get(endpoint.id)))
    if (news.length === 0) return
    for (const endpoint of news) this.#endpoints.set(endpoint.id, endpoint)
    await this.#tell({ kind: 'endpoints', endpoints: news })
  }

  /** Call it when the engine has removed it. */
  async removeEndpoint(id: number): Promise<void> {
    this.#endpoints.delete(id)
    this.parts.names.forget(id)
    await this.#tell({ kind: 'remove', endpoint: id })
  }

  /** Call it when the engine has the policy in force. Resolves when each live flow is judged by it. */
  async setPolicy(policy: CompiledPolicy): Promise<void> {
    this.#policy = toPortable(policy, this.#endpoints.keys())
    await this.#tell({ kind: 'policy', policy: this.#policy })
  }

  async setPeers(peers: PeersInput): Promise<void> {
    if (isSamePeers(peers, this.#peers)) return
    this.#peers = peers
    await this.#tell({ kind: 'peers', peers })
  }

  /** `big`, `recall` and `lost`, and `closed` of flows that were told as big. */
  onBigFlows(listener: (events: readonly EngineEvent[]) => void): void {
    this.#bigListener = listener
  }

  /** A shard passes over what is about a flow of another's. */
  send(commands: readonly EngineCommand[]): void {
    for (const judge of this.#judges) judge.command(commands)
  }

  follow(follower: Follower): () => void {
    this.#followers.add(follower)
    if (this.#followers.size === 1) void this.#tell({ kind: 'follow', isFollowed: true })
    return () => {
      this.#followers.delete(follower)
      if (this.#followers.size === 0) void this.#tell({ kind: 'follow', isFollowed: false })
    }
  }

  async find(flow: FlowId): Promise<FlowView | null> {
    const found = await Promise.all(this.#judges.map((judge) => judge.ask({ kind: 'find', flow })))
    return found.find((view) => view !== null) ?? null
  }

  async list(query: FlowQuery): Promise<FlowView[]> {
    const lists = await Promise.all(this.#judges.map((judge) => judge.ask({ kind: 'list', query })))
    const [only] = lists
    if (lists.length === 1 && only !== undefined) return [...only]
    return lists
      .flat()
      .sort((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0))
      .slice(-query.limit)
  }

  /** As far as it is known where a shard has no time to say. */
  async counts(): Promise<ShardCounts> {
    const counts = await Promise.all(this.#judges.map((judge) => judge.refreshCounts()))
    return counts.reduce(addCounts, NO_COUNTS)
  }

  /** As of the last second. */
  lastCounts(): ShardCounts {
    return this.#judges.map((judge) => judge.counts).reduce(addCounts, NO_COUNTS)
  }

  /** Workers that were replaced. */
  get replaced(): number {
    return this.#judges.reduce((sum, { replaced }) => sum + replaced, 0)
  }

  /** When the engine has stopped. */
  async stop(): Promise<void> {
    await Promise.all(this.#judges.map((judge) => judge.stop()))
  }

  #knowledge(): Knowledge {
    return {
      endpoints: [...this.#endpoints.values()],
      policy: this.#policy,
      peers: this.#peers,
      isFollowed: this.#followers.size > 0,
    }
  }

  async #tell(order: Parameters<ShardJudge['tell']>[0]): Promise<void> {
    await Promise.all(this.#judges.map((judge) => judge.tell(order)))
  }

  #take({ lines, learned, news, spoofed, ...reports }: Reports): void {
    const { events, learning, spoofs } = this.parts
    events.writeLines(reports.events, lines)
    for (const { namespace, pod, tuple } of learned) learning.learn(namespace, pod, tuple)
    for (const { spoofer, reason, frames } of spoofed) spoofs.add(spoofer, reason, frames)
    for (const { news: what, flow } of news)
      for (const follower of this.#followers) follower(what, flow)
  }
}

function isSame(a: JudgedEndpoint, b: JudgedEndpoint | undefined): boolean {
  if (b === undefined) return false
  return (Object.keys(a) as (keyof JudgedEndpoint)[]).every((key) => a[key] === b[key])
}

function isSamePeers(a: PeersInput, b: PeersInput): boolean {
  return (
    a.directory === b.directory &&
    a.nodeAddresses.join() === b.nodeAddresses.join() &&
    a.records.length === b.records.length &&
    a.records.every((record, i) => record === b.records[i])
  )
}
