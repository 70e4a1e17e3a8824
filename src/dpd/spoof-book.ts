/**
 * What pods sent under names that are not theirs: counted by pod and reason, told as events. The
 * first at once, then one in ten seconds with the number of frames: a flood must not fill the file.
 */
import type { Mode } from '../core/endpoint.js'
import { type SpoofReason, spoofEvent } from '../core/events/eve.js'
import type { EventsSink } from './events-file.js'

const TELL_EVERY_MS = 10_000

export interface Spoofer {
  readonly id: number
  readonly namespace: string
  readonly pod: string
  readonly ifName: string
  readonly mode: Mode
}

/** Frames of a spoofer, as they are told. */
export interface Spoofing {
  readonly spoofer: Spoofer
  readonly reason: SpoofReason
  readonly frames: number
}

export interface SpoofCount {
  readonly namespace: string
  readonly pod: string
  readonly reason: SpoofReason
  readonly frames: number
}

interface Entry {
  spoofer: Spoofer
  readonly reason: SpoofReason
  total: number
  untold: number
  toldAtMs: number
}

const isSamePod = (a: Spoofer, b: Spoofer): boolean =>
  a.namespace === b.namespace && a.pod === b.pod && a.ifName === b.ifName

export class SpoofBook {
  readonly #entries = new Map<string, Entry>()

  constructor(
    private readonly events: Pick<EventsSink, 'write'>,
    private readonly nowMs: () => number,
  ) {}

  add(spoofer: Spoofer, reason: SpoofReason, frames: number): void {
    const key = `${spoofer.id} ${reason}`
    const known = this.#entries.get(key)
    const isKnown = known !== undefined && isSamePod(known.spoofer, spoofer)
    if (known !== undefined && !isKnown) this.#tell(known)
    const entry = isKnown
      ? known
      : { spoofer, reason, total: 0, untold: 0, toldAtMs: Number.NEGATIVE_INFINITY }
    this.#entries.set(key, entry)
    entry.spoofer = spoofer
    entry.total += frames
    entry.untold += frames
    this.#tellIfDue(entry)
  }

  /** At intervals: what waited is told, and pods that are gone are forgotten. */
  pass(live: ReadonlySet<number>): void {
    for (const [key, entry] of this.#entries) {
      if (live.has(entry.spoofer.id)) {
        this.#tellIfDue(entry)
      } else {
        this.#tell(entry)
        this.#entries.delete(key)
      }
    }
  }

  counts(): readonly SpoofCount[] {
    return [...this.#entries.values()].map(({ spoofer: { namespace, pod }, reason, total }) => ({
      ...{ namespace, pod, reason, frames: total },
    }))
  }

  framesOf(id: number): number {
    const own = [...this.#entries.values()].filter(({ spoofer }) => spoofer.id === id)
    return own.reduce((sum, { total }) => sum + total, 0)
  }

  #tellIfDue(entry: Entry): void {
    if (this.nowMs() - entry.toldAtMs >= TELL_EVERY_MS) this.#tell(entry)
  }

  #tell(entry: Entry): void {
    if (entry.untold === 0) return
    const { spoofer, reason, total, untold } = entry
    const nowMs = this.nowMs()
    const { id: endpoint, ...who } = spoofer
    const news = { endpoint, ...who, reason, frames: untold, total }
    this.events.write(spoofEvent(news, nowMs))
    entry.untold = 0
    entry.toldAtMs = nowMs
  }
}
