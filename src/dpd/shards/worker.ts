/**
 * The worker of a shard: judge and parsers between the shard's two rings, and nothing else that
 * could take their time.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { EngineEvent } from '../../core/inspect/contract.js'
import { fromPortable } from '../../core/policy/portable.js'
import { LearnedNames, monotonicMs } from '../engine/learned-names.js'
import { ShardRings } from '../engine/shard-rings.js'
import { openJudging } from '../judging.js'
import { Peers } from '../peers.js'
import type {
  Answers,
  FromWorker,
  Order,
  PeersInput,
  ShardCounts,
  ShardStart,
  ToWorker,
} from './messages.js'
import { Outbox } from './outbox.js'
import { Rejudging } from './rejudging.js'
import { ToldAsBig } from './told-as-big.js'

const PROGRESS_MS = 200
/** Nobody waits for a report: events are written, and followers told, so much later. */
const REPORTS_MS = 10
/** What the main thread knows of the counts of a worker that ends is not older. */
const COUNTS_MS = 1000

function peersOf({ directory, records, nodeAddresses }: PeersInput): Peers {
  return new Peers(directory, records, nodeAddresses)
}

export function runShardWorker(): void {
  if (parentPort === null) throw new Error('not a worker')
  const worker = new ShardWorker(workerData as ShardStart, parentPort)
  worker.start()
}

interface Port {
  postMessage(message: FromWorker): void
  on(event: 'message', listener: (message: ToWorker) => void): unknown
}

class ShardWorker {
  readonly #rings: ShardRings
  readonly #outbox: Outbox
  readonly #judging
  readonly #rejudging: Rejudging
  readonly #bigFlows = new ToldAsBig()
  #stopFollowing: (() => void) | null = null
  #hasWorked = false

  constructor(
    private readonly given: ShardStart,
    private readonly port: Port,
  ) {
    const { eventsPerSecond, endedFlowsKept, nameGraceMs, knowledge } = given
    const nowMs = (): number => Date.now()
    this.#outbox = new Outbox({
      ...{ eventsPerSecond, nowMs },
      soon: (flush) => setTimeout(flush, REPORTS_MS),
      post: (reports) => port.postMessage({ kind: 'reports', reports }),
    })
    this.#judging = openJudging({
      policy: fromPortable(knowledge.policy),
      peers: peersOf(knowledge.peers),
      outbox: this.#outbox,
      names: new LearnedNames({ isShared: true, graceMs: nameGraceMs, nowMs: monotonicMs }),
      ...{ endedFlowsKept, nowMs },
    })
    for (const endpoint of knowledge.endpoints) this.#judging.judge.setEndpoint(endpoint)
    this.#follow(knowledge.isFollowed)
    this.#rings = new ShardRings(given.number)
    this.#rejudging = new Rejudging({
      ...{ judge: this.#judging.judge, rings: this.#rings, soon: setImmediate },
      monotonicMs: () => performance.now(),
    })
  }

  start(): void {
    const { judge } = this.#judging
    this.#rings.onEvents((batch) => {
      this.#hasWorked = true
      this.#rings.send(judge.handle(batch))
      this.#tellBig(this.#bigFlows.of(batch))
    })
    this.port.on('message', (message) => {
      if (message.kind === 'taken') this.#outbox.taken()
      else if (message.kind === 'commands') this.#rings.send(message.commands)
      else this.#take(message.id, message.order)
    })
    const progress = new Int32Array(this.given.progress)
    setInterval(() => Atomics.add(progress, 0, 1), PROGRESS_MS)
    setInterval(() => this.#tellCounts(), COUNTS_MS)
    if (this.given.isReplacement) {
      this.#rings.discard()
      // Ends may be among what was passed over.
      this.#tellBig([{ ev: 'lost', events: 0 }])
    }
    this.#rings.start()
    this.port.postMessage({ kind: 'ready' })
  }

  #take(id: number, order: Order): void {
    const answer = (value: Answers[Order['kind']]): void =>
      this.port.postMessage({ kind: 'answer', id, value })
    if (order.kind !== 'policy') answer(this.#obey(order))
    else this.#rejudging.begin(fromPortable(order.policy), () => answer(null))
  }

  #obey(order: Exclude<Order, { kind: 'policy' }>): Answers[Order['kind']] {
    const { judge, flows, peers } = this.#judging
    switch (order.kind) {
      case 'endpoints':
        for (const endpoint of order.endpoints) judge.setEndpoint(endpoint)
        return null
      case 'remove':
        judge.removeEndpoint(order.endpoint)
        return null
      case 'peers':
        peers.current = peersOf(order.peers)
        return null
      case 'follow':
        this.#follow(order.isFollowed)
        return null
      case 'list':
        return flows.list(order.query)
      case 'find':
        return flows.find(order.flow)
      case 'counts':
        return this.#counts()
      case 'finish':
        this.#rings.close()
        this.#outbox.flush()
        this.port.postMessage({ kind: 'counts', counts: this.#counts() })
        return null
    }
  }

  #follow(isFollowed: boolean): void {
    this.#stopFollowing?.()
    this.#stopFollowing = isFollowed
      ? this.#judging.flows.follow((news, flow) => this.#outbox.tell(news, flow))
      : null
  }

  #tellBig(events: readonly EngineEvent[]): void {
    if (events.length > 0) this.port.postMessage({ kind: 'big', events })
  }

  #tellCounts(): void {
    if (!this.#hasWorked) return
    this.#hasWorked = false
    this.port.postMessage({ kind: 'counts', counts: this.#counts() })
  }

  #counts(): ShardCounts {
    const { reporter, flows } = this.#judging
    const { eventsLost, reportsLost } = this.#outbox
    return {
      reports: reporter.counters(),
      eventsLost,
      reportsLost,
      liveFlows: flows.liveByEndpoint(),
    }
  }
}
