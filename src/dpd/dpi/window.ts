import type { At } from '../../core/inspect/contract.js'

const EMPTY = new Uint8Array(0)

/** One that holds nothing; what is as in a new one is left out. `skipTo`: -1 = to the end, for JSON has no Infinity. */
export type SavedWindow = readonly [base: At, skipTo?: At, need?: number, ended?: number]
const TO_END = -1
const ENDED = 1
const END_TOLD = 2

/** The octets of one direction that the parser has not taken, and what it wants next. */
export class Window {
  ended = false
  /** The parser has seen the end of this direction. */
  endTold = false
  /** Untaken octets wanted before the next step. */
  need = 1
  /** Octets before it are skipped; Infinity = to the end. */
  skipTo: At = 0
  /** The other direction's progress count when this one began to rest; null = not resting. */
  restingSince: number | null = null
  /** Counts the steps that took or told something. */
  progress = 0
  #base: At = 0
  #held: Uint8Array = EMPTY

  static restore([base, skipTo = 0, need = 1, ended = 0]: SavedWindow): Window {
    const window = new Window()
    window.#base = base
    window.skipTo = skipTo === TO_END ? Number.POSITIVE_INFINITY : skipTo
    window.need = need
    window.ended = (ended & ENDED) !== 0
    window.endTold = (ended & END_TOLD) !== 0
    return window
  }

  /** null = octets are held, or it rests until the other direction moves. */
  save(): SavedWindow | null {
    if (this.#held.length > 0 || this.restingSince !== null) return null
    const skips = this.skipTo > this.#base ? this.skipTo : 0
    const skipTo = Number.isFinite(skips) ? skips : TO_END
    const ended = (this.ended ? ENDED : 0) | (this.endTold ? END_TOLD : 0)
    const isPlain = skipTo === 0 && this.need === 1 && ended === 0
    return isPlain ? [this.#base] : [this.#base, skipTo, this.need, ended]
  }

  /** Of the first untaken octet. */
  get base(): At {
    return this.#base
  }

  /** One past the last octet delivered. */
  get end(): At {
    return this.#base + this.#held.length
  }

  get octets(): Uint8Array {
    return this.#held
  }

  /** Octets before it belong to transactions whose facts are out. */
  get covered(): At {
    return Math.min(Math.max(this.#base, this.skipTo), Number.MAX_SAFE_INTEGER)
  }

  /** Number of octets missing before `at` (they were not skipped: a gap). */
  missingBefore(at: At): number {
    return Math.max(0, at - Math.max(this.end, this.skipTo))
  }

  /** Octets that wait for the other direction. */
  get restingOctets(): number {
    return this.restingSince === null ? 0 : this.#held.length
  }

  /** Whether a step can say anything new; `otherProgress` is the other direction's count. */
  ready(otherProgress: number): boolean {
    if (this.restingSince !== null) return this.restingSince !== otherProgress
    if (this.ended && !this.endTold) return true
    return this.#held.length > 0 && this.#held.length >= this.need
  }

  append(at: At, octets: Uint8Array): void {
    if (at > this.end) this.restart(at)
    const known = this.end - at
    if (known >= octets.length) return
    const fresh = known === 0 ? octets : octets.subarray(known)
    this.#held = this.#held.length === 0 ? fresh : concatenate(this.#held, fresh)
    this.#dropSkipped()
  }

  take(octets: number): void {
    this.#base += octets
    this.#held = octets === this.#held.length ? EMPTY : this.#held.subarray(octets)
  }

  skip(octets: number | 'toEnd'): void {
    this.skipTo = octets === 'toEnd' ? Number.POSITIVE_INFINITY : this.#base + octets
    this.#dropSkipped()
  }

  /** What was held is lost; the next octet is at `at`. */
  restart(at: At): void {
    this.#base = at
    this.#held = EMPTY
  }

  /** Another parser reads on from `from`. */
  handOver(from: At): void {
    if (from >= this.end) this.restart(from)
    else this.take(from - this.#base)
    this.need = 1
    this.skipTo = 0
    this.restingSince = null
    this.endTold = false
  }

  keep(): void {
    if (this.#held.length > 0) this.#held = this.#held.slice()
  }

  #dropSkipped(): void {
    const skipped = Math.min(this.skipTo, this.end) - this.#base
    if (skipped > 0) this.take(skipped)
  }
}

function concatenate(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length)
  whole.set(head)
  whole.set(tail, head.length)
  return whole
}
