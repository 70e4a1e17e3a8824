/** Live flows, the last ended ones for `why`, and who follows. */
import type { FlowQuery, FlowView } from '../core/api/flow.js'
import type { FlowId } from '../core/inspect/contract.js'
import { EndedFlow, type Ending } from './ended-flow.js'
import { viewEnded } from './flow-view.js'
import type { Flow } from './judge/flow.js'
import { OctetShelf } from './octet-shelf.js'

/** Design §6: `why` knows the last 10 000 ended flows. */
export const ENDED_FLOWS_KEPT = 10_000

export type FlowNews = 'opened' | 'judged' | 'closed'
export type Follower = (news: FlowNews, flow: FlowView) => void

/** A ring: the last so many that ended. Look-ups are people's and rare, so that there is no index. */
export class EndedFlows {
  readonly #ring: EndedFlow[] = []
  readonly #shelf = new OctetShelf()
  #oldest = 0

  constructor(private readonly kept: number) {}

  /** What it returns is another flow's in time. */
  add(flow: Flow, peer: string | null, ending: Ending): EndedFlow {
    const place = this.#place(flow)
    place.fill(flow, peer, ending, this.#shelf)
    return place
  }

  #place(flow: Flow): EndedFlow {
    const oldest = this.#ring.length < this.kept ? undefined : this.#ring[this.#oldest]
    if (oldest === undefined) {
      const place = new EndedFlow(flow)
      this.#ring.push(place)
      return place
    }
    this.#oldest = (this.#oldest + 1) % this.kept
    return oldest
  }

  get(id: FlowId): FlowView | undefined {
    const ended = this.#ring.findLast((ended) => ended.id === id)
    return ended === undefined ? undefined : viewEnded(ended)
  }

  all(): readonly FlowView[] {
    const { length } = this.#ring
    return this.#ring.map((_, i, ring) => viewEnded(ring[(this.#oldest + i) % length] as EndedFlow))
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

/** Of a daemon, whose flows are in the books of its shards. */
export interface FlowQueries {
  follow(follower: Follower): () => void
  find(id: FlowId): Promise<FlowView | null>
  /** The newest `limit`, oldest first. */
  list(query: FlowQuery): Promise<FlowView[]>
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

  /** The newest `limit`, oldest first. No more are looked at than it takes: there may be very many. */
  list(query: FlowQuery): FlowView[] {
    const ended = query.state === 'live' ? [] : this.ended.all()
    const live = query.state === 'ended' ? [] : Array.from(this.live.flows())
    const all = [
      ...ended.map((view) => ({ id: view.flow, view: () => view })),
      ...live.map((flow) => ({ id: flow.id, view: () => this.view(flow) })),
    ].sort((a, b) => b.id - a.id)
    const found: FlowView[] = []
    for (const { view } of all) {
      if (found.length >= query.limit) break
      const flow = view()
      if (matchesQuery(flow, query)) found.push(flow)
    }
    return found.reverse()
  }

  /** How many by endpoint. */
  liveByEndpoint(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>()
    for (const { endpoint } of this.live.flows())
      counts.set(endpoint.id, (counts.get(endpoint.id) ?? 0) + 1)
    return counts
  }
}
