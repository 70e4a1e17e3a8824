/**
 * The judge of one shard as the main thread sees it: a worker that is told what to know, asked about
 * its flows, and replaced where it ends by a fault of its own or no longer turns. Its flows are
 * forgotten with it: the engine ends what it holds by the endpoint's failure setting.
 */
import { Worker } from 'node:worker_threads'
import { ApiRefusal } from '../../core/api/protocol.js'
import type { EngineCommand, EngineEvent } from '../../core/inspect/contract.js'
import { addCounts, NO_COUNTS } from './counts.js'
import type {
  Answers,
  FromWorker,
  Knowledge,
  Order,
  Reports,
  ShardCounts,
  ShardStart,
  ToWorker,
} from './messages.js'

const LOOK_MS = 1000
/** No turn takes a second; on a machine that is overloaded it may wait for several. */
const LOOKS_WITHOUT_PROGRESS_MAX = 10
const QUERY_MS = 2000
const QUERIES_MAX = 32
/** Then it is no accident: the daemon ends, as for a fault of the engine, and systemd starts it anew. */
const REPLACEMENTS_MAX = 5
const REPLACEMENTS_WITHIN_MS = 60_000

export interface ShardJudgeParts
  extends Pick<ShardStart, 'eventsPerSecond' | 'endedFlowsKept' | 'nameGraceMs'> {
  /** Runs `runShardWorker` where it is not the main thread. */
  readonly file: URL
  /** For people. */
  readonly name: string
  readonly number: number
  readonly knowledge: () => Knowledge
  readonly onReports: (reports: Reports) => void
  readonly onBigFlows: (events: readonly EngineEvent[]) => void
  readonly warn: (message: string) => void
  readonly giveUp: (error: Error) => void
  readonly monotonicMs: () => number
  /** Between two looks at its progress. */
  readonly lookMs?: number
}

type Query = Extract<Order, { kind: 'list' | 'find' | 'counts' }>
interface Pending {
  readonly isQuery: boolean
  resolve(value: Answers[keyof Answers]): void
  reject(error: Error): void
}

export class ShardJudge {
  #worker: Worker
  readonly #progress = new Int32Array(new SharedArrayBuffer(4))
  #progressSeen = 0
  #looks = 0
  #isReady = false
  #isStopping = false
  #lastId = 0
  readonly #pending = new Map<number, Pending>()
  #queries = 0
  #replaced = 0
  readonly #replacedAtMs: number[] = []
  #fault: string | null = null
  /** Of workers that have ended. */
  #before: ShardCounts = NO_COUNTS
  #counts: ShardCounts = NO_COUNTS
  readonly #timer: NodeJS.Timeout

  constructor(private readonly parts: ShardJudgeParts) {
    this.#worker = this.#open(false)
    this.#timer = setInterval(() => this.#look(), parts.lookMs ?? LOOK_MS).unref()
  }

  /** How often its worker was replaced. */
  get replaced(): number {
    return this.#replaced
  }

  /** As far as it is known. */
  get counts(): ShardCounts {
    return addCounts(this.#before, this.#counts)
  }

  /** Resolves when the worker, or one in its place, knows it. */
  tell(order: Exclude<Order, Query>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#post(order, { isQuery: false, resolve: () => resolve(), reject })
    })
  }

  /** Rejects where the worker has no time for it. */
  ask<Q extends Query>(query: Q): Promise<Answers[Q['kind']]> {
    return new Promise((resolve, reject) => {
      const refuse = (): void =>
        reject(new ApiRefusal(503, 'busy', `${this.parts.name} does not answer; ask again`))
      if (this.#queries >= QUERIES_MAX) return refuse()
      this.#queries++
      const timer = setTimeout(() => {
        this.#pending.delete(id)
        this.#queries--
        refuse()
      }, QUERY_MS)
      const ended = (): void => {
        clearTimeout(timer)
        this.#queries--
      }
      const id = this.#post(query, {
        isQuery: true,
        resolve: (value) => {
          ended()
          resolve(value as Answers[Q['kind']])
        },
        reject: () => {
          ended()
          refuse()
        },
      })
      return undefined
    })
  }

  async refreshCounts(): Promise<ShardCounts> {
    await this.ask({ kind: 'counts' }).then(
      (counts) => {
        this.#counts = counts
      },
      () => undefined,
    )
    return this.counts
  }

  /** When the engine has stopped: what it left in the ring is judged and reported first. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    if (this.#isStopping) return
    this.#isStopping = true
    const late = new Promise<void>((resolve) => setTimeout(resolve, QUERY_MS).unref())
    await Promise.race([this.tell({ kind: 'finish' }), late])
    await this.#worker.terminate()
  }

  /** Lost with a worker that ends meanwhile: what they answer is asked again. */
  command(commands: readonly EngineCommand[]): void {
    this.#send({ kind: 'commands', commands })
  }

  #open(isReplacement: boolean): Worker {
    const { file, number, eventsPerSecond, endedFlowsKept, nameGraceMs, knowledge } = this.parts
    const progress = this.#progress.buffer
    const start: ShardStart = {
      ...{ number, eventsPerSecond, endedFlowsKept, nameGraceMs, isReplacement, progress },
      knowledge: knowledge(),
    }
    const worker = new Worker(file, { workerData: start, argv: [], name: this.parts.name })
    worker.on('message', (message: FromWorker) => this.#take(message))
    worker.on('error', (error) => {
      this.#fault = error.stack ?? error.message
    })
    worker.on('exit', () => this.#ended())
    return worker
  }

  #post(order: Order, pending: Pending): number {
    const id = ++this.#lastId
    this.#pending.set(id, pending)
    this.#send({ kind: 'order', id, order })
    return id
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #take(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        this.#isReady = true
        break
      case 'answer':
        this.#pending.get(message.id)?.resolve(message.value)
        this.#pending.delete(message.id)
        break
      case 'reports':
        this.parts.onReports(message.reports)
        this.#send({ kind: 'taken' })
        break
      case 'big':
        this.parts.onBigFlows(message.events)
        break
      case 'counts':
        this.#counts = message.counts
    }
  }

  /** Read from memory, not asked for: a main thread that was busy itself mistakes nobody. */
  #look(): void {
    const seen = Atomics.load(this.#progress, 0)
    this.#looks = seen === this.#progressSeen && this.#isReady ? this.#looks + 1 : 0
    this.#progressSeen = seen
    if (this.#looks < LOOKS_WITHOUT_PROGRESS_MAX) return
    this.#looks = 0
    this.#fault ??= `no progress at ${LOOKS_WITHOUT_PROGRESS_MAX} looks in a row`
    void this.#worker.terminate()
  }

  #ended(): void {
    const fault = this.#fault ?? 'it ended by itself'
    this.#fault = null
    this.#isReady = false
    const left = [...this.#pending.values()]
    this.#pending.clear()
    for (const pending of left) if (pending.isQuery) pending.reject(new Error(fault))
    const told = left.filter(({ isQuery }) => !isQuery)
    if (this.#isStopping) {
      for (const pending of told) pending.resolve(null)
      return
    }
    this.#replace(fault)
    // The one in its place knows what this one was told: it only has to say that it is there.
    for (const pending of told)
      this.#post({ kind: 'follow', isFollowed: this.parts.knowledge().isFollowed }, pending)
  }

  #replace(fault: string): void {
    const { name, warn, giveUp, monotonicMs } = this.parts
    const nowMs = monotonicMs()
    const forgotten = [...this.#counts.liveFlows.values()].reduce((sum, flows) => sum + flows, 0)
    this.#before = { ...addCounts(this.#before, this.#counts), liveFlows: new Map() }
    this.#counts = NO_COUNTS
    this.#replaced++
    this.#replacedAtMs.push(nowMs)
    while (nowMs - (this.#replacedAtMs[0] ?? nowMs) > REPLACEMENTS_WITHIN_MS)
      this.#replacedAtMs.shift()
    const what = `${name}: its judge ended: ${fault}`
    if (this.#replacedAtMs.length > REPLACEMENTS_MAX) {
      this.#isStopping = true
      giveUp(new Error(what))
      return
    }
    warn(`${what}; some ${forgotten} flows take their failure setting unless they are decided`)
    this.#worker = this.#open(true)
  }
}
