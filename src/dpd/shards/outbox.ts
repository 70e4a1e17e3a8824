/**
 * A worker's reports on their way to the main thread: gathered for some milliseconds, since a message
 * costs both threads more than most reports do, a few batches under way at most. While the main thread
 * is busy they wait up to a limit, then they are counted as lost: memory stays flat, and no verdict waits.
 */
import type { FlowView } from '../../core/api/flow.js'
import type { EveEvent } from '../../core/events/eve.js'
import { openRateCap, type RateCap, take } from '../../core/events/rate-cap.js'
import type { LearnedTuple } from '../../core/policy/learn.js'
import type { FlowNews } from '../flows.js'
import type { Spoofing } from '../spoof-book.js'
import type { Learned, News, Reports } from './messages.js'

const WAITING_OCTETS_MAX = 4 << 20
const BATCHES_UNDER_WAY_MAX = 4
/** So much does not wait for its time. */
const BATCH_OCTETS = 256 << 10
/** What a structured clone of one costs, roughly. */
const NEWS_OCTETS = 2000
const LEARNED_OCTETS = 300
const SPOOFING_OCTETS = 300
/** Tuples that were sent of late: traffic repeats itself. */
const TUPLES_KNOWN_MAX = 65_536

export interface OutboxSettings {
  /** null = events are not wanted. */
  readonly eventsPerSecond: number | null
  readonly nowMs: () => number
  readonly post: (reports: Reports) => void
  /** Calls back once, in some milliseconds. */
  readonly soon: (flush: () => void) => void
}

export class Outbox {
  #lines: string[] = []
  #learned: Learned[] = []
  #news: News[] = []
  #spoofed: Spoofing[] = []
  #octets = 0
  #underWay = 0
  #isScheduled = false
  #cap: RateCap | null
  /** The cap has nothing before it. */
  #nextMs = 0
  readonly #tuples = new Set<string>()
  eventsLost = 0
  reportsLost = 0

  constructor(private readonly settings: OutboxSettings) {
    const { eventsPerSecond, nowMs } = settings
    this.#cap =
      eventsPerSecond === null ? null : openRateCap(eventsPerSecond, eventsPerSecond, nowMs())
  }

  /** As the event file's own, which caps the sum of all shards. What is over the cap is not made. */
  write(make: () => EveEvent): void {
    if (this.#cap === null) return
    const nowMs = this.settings.nowMs()
    if (nowMs < this.#nextMs && nowMs >= this.#cap.atMs) {
      this.eventsLost++
      return
    }
    const { cap, taken } = take(this.#cap, nowMs)
    this.#cap = cap
    if (taken === 0) {
      this.#nextMs = nowMs + ((1 - cap.tokens) * 1000) / cap.perSecond
      this.eventsLost++
      return
    }
    const line = `${JSON.stringify(make())}\n`
    if (this.#hasRoom(line.length)) this.#lines.push(line)
    this.#flushIfMany()
  }

  learn(namespace: string, pod: string, tuple: LearnedTuple): void {
    const key = `${namespace}/${pod} ${JSON.stringify(tuple)}`
    if (this.#tuples.has(key) || !this.#hasRoom(LEARNED_OCTETS)) return
    if (this.#tuples.size >= TUPLES_KNOWN_MAX) this.#tuples.clear()
    this.#tuples.add(key)
    this.#learned.push({ namespace, pod, tuple })
  }

  tell(news: FlowNews, flow: FlowView): void {
    if (this.#hasRoom(NEWS_OCTETS)) this.#news.push({ news, flow })
    this.#flushIfMany()
  }

  spoofed(spoofing: Spoofing): void {
    if (this.#hasRoom(SPOOFING_OCTETS)) this.#spoofed.push(spoofing)
  }

  /** The main thread has read a batch. */
  taken(): void {
    this.#underWay--
    // What waits for this has waited for its time.
    if (!this.#isScheduled) this.flush()
  }

  flush(): void {
    if (this.#octets === 0 || this.#underWay >= BATCHES_UNDER_WAY_MAX) return
    const lines = this.#lines
    const learned = this.#learned
    const news = this.#news
    const spoofed = this.#spoofed
    this.#lines = []
    this.#learned = []
    this.#news = []
    this.#spoofed = []
    this.#octets = 0
    this.#underWay++
    this.settings.post({ events: lines.join(''), lines: lines.length, learned, news, spoofed })
  }

  #flushIfMany(): void {
    if (this.#octets >= BATCH_OCTETS && this.#underWay < BATCHES_UNDER_WAY_MAX) this.flush()
  }

  #hasRoom(octets: number): boolean {
    if (this.#octets + octets > WAITING_OCTETS_MAX) {
      this.reportsLost++
      return false
    }
    this.#octets += octets
    if (!this.#isScheduled && this.#underWay < BATCHES_UNDER_WAY_MAX) {
      this.#isScheduled = true
      this.settings.soon(() => {
        this.#isScheduled = false
        this.flush()
      })
    }
    return true
  }
}
