/** What was repaired, counted, and what could not be, said once for as long as it stays the same. */
import { DRIFT_KINDS, type Drift, type DriftKind } from '../intercept/driver.js'

/** One attempt: what was found under the lock, and what is still there after it. */
export interface Mended {
  readonly found: readonly Drift[]
  readonly left: readonly Drift[]
  /** Why the attempt broke off; null = it did not. */
  readonly fault: string | null
}

interface Unrepaired {
  readonly text: string
  readonly left: readonly Drift[]
}

type Counts = Readonly<Record<DriftKind, number>>

const zero = (): Record<DriftKind, number> =>
  Object.fromEntries(DRIFT_KINDS.map((what) => [what, 0])) as Record<DriftKind, number>

function differences(drift: readonly Drift[]): string {
  return drift.map(({ subject, want, have }) => `${subject}: ${have}, not ${want}`).join('; ')
}

const isSame = (a: Drift, b: Drift): boolean => a.what === b.what && a.subject === b.subject

export class DriftBook {
  readonly #repaired = zero()
  readonly #unrepaired = new Map<string, Unrepaired>()

  constructor(private readonly warn: (message: string) => void) {}

  get repaired(): Counts {
    return { ...this.#repaired }
  }

  get unrepaired(): Counts {
    const counts = zero()
    for (const { left } of this.#unrepaired.values()) for (const { what } of left) counts[what]++
    return counts
  }

  /** `who`: the endpoint, or what all share. True = something was repaired. */
  note(who: string, { found, left: now, fault }: Mended): boolean {
    // What came during the attempt is the next one's.
    const left = now.filter((drift) => found.some((other) => isSame(other, drift)))
    const repaired = found.filter((drift) => !left.some((other) => isSame(other, drift)))
    for (const { what } of repaired) this.#repaired[what]++
    if (repaired.length > 0) this.warn(`${who}: drift repaired: ${differences(repaired)}`)
    if (left.length === 0) this.clear(who)
    else this.#noteLeft(who, left, fault)
    return repaired.length > 0
  }

  clear(who: string): void {
    this.#unrepaired.delete(who)
  }

  /** Whoever is no more has no drift. */
  retain(present: ReadonlySet<string>): void {
    for (const who of this.#unrepaired.keys()) if (!present.has(who)) this.clear(who)
  }

  /** For `dpctl status`. */
  findings(): string[] {
    return [...this.#unrepaired.values()].map(({ text }) => text)
  }

  #noteLeft(who: string, left: readonly Drift[], fault: string | null): void {
    const text = `${who}: drift not repaired: ${differences(left)}${fault === null ? '' : `: ${fault}`}`
    if (this.#unrepaired.get(who)?.text !== text) this.warn(text)
    this.#unrepaired.set(who, { text, left })
  }
}
