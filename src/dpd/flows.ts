/** Live flows, the last ended ones for `why`, and who follows. */
import type { FlowQuery, FlowView } from '../core/api/flow.js'
import type { FlowId } from '../core/inspect/contract.js'
import type { Flow } from './judge/flow.js'

/** Design §6: `why` knows the last 10 000 ended flows. */
export const ENDED_FLOWS_KEPT = 10_000

export type FlowNews = 'opened' | 'judged' | 'closed'
type Follower = (news: FlowNews, flow: FlowView) => void

/** A ring in insertion order with look-up by id. */
export class EndedFlows {
  readonly #byId = new Map<FlowId, FlowView>()

  constructor(private readonly kept: number) {}

  add(flow: FlowView): void {
    this.#byId.delete(flow.flow)
    this.#byId.set(flow.flow, flow)
    if (this.#byId.size <= this.kept) return
    for (const oldest of this.#byId.keys()) {
      this.#byId.delete(oldest)
      return
    }
  }

  get(id: FlowId): FlowView | undefined {
    return this.#byId.get(id)
  }

  all(): readonly FlowView[] {
    return [...this.#byId.values()]
  }
}

export function matchesPod(
  pod: { readonly namespace: string; readonly pod: string; readonly ifName: string },
  endpoint: number,
  reference: string,
): boolean {
  if (/^\d+$/.test(reference)) return endpoint === Number(reference)
  const [namespace, name, ifName] = reference.split('/')
  return (
    namespace === pod.namespace &&
    name === pod.pod &&
    (ifName === undefined || ifName === pod.ifName)
  )
}

export function matchesQuery(flow: FlowView, query: FlowQuery): boolean {
  if (query.verdict === 'would-deny') {
    if (flow.would !== 'deny') return false
  } else if (query.verdict !== undefined && flow.verdict !== query.verdict) return false
  if (query.app !== undefined && flow.app !== query.app) return false
  if (query.pod !== undefined && !matchesPod(flow, flow.endpoint, query.pod)) return false
  return query.state === 'all' || (query.state === 'live') === (flow.endedAt === null)
}

export class FlowBook {
  readonly ended: EndedFlows
  readonly #followers = new Set<Follower>()

  constructor(
    private readonly live: { flows(): Iterable<Flow>; flow(id: FlowId): Flow | undefined },
    private readonly view: (flow: Flow) => FlowView,
    kept = ENDED_FLOWS_KEPT,
  ) {
    this.ended = new EndedFlows(kept)
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0
  }

  tell(news: FlowNews, flow: FlowView): void {
    for (const follower of this.#followers) follower(news, flow)
  }

  follow(follower: Follower): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  find(id: FlowId): FlowView | null {
    const live = this.live.flow(id)
    return live === undefined ? (this.ended.get(id) ?? null) : this.view(live)
  }

  /** The newest `limit`, oldest first. */
  list(query: FlowQuery): FlowView[] {
    const ended = query.state === 'live' ? [] : this.ended.all()
    const live = query.state === 'ended' ? [] : Array.from(this.live.flows(), this.view)
    return [...ended, ...live]
      .filter((flow) => matchesQuery(flow, query))
      .sort((a, b) => a.flow - b.flow)
      .slice(-query.limit)
  }

  liveOf(endpoint: number): number {
    let count = 0
    for (const flow of this.live.flows()) if (flow.endpoint.id === endpoint) count++
    return count
  }
}
