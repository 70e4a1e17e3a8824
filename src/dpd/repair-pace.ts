/** How soon a list may be repaired again: two agents must not rewrite one file at full speed forever. */
const FIRST_MS = 1000
const LAST_MS = 60_000
/** After that long without a repair, twice the last wait besides, the next one is a first one. */
const CALM_MS = 60_000
/** A primary that starts writes its list a few times. */
const FIGHT_COUNT = 4

interface Streak {
  readonly count: number
  readonly lastMs: number
}

function delayMs(count: number): number {
  return count === 0 ? 0 : Math.min(FIRST_MS * 2 ** (count - 1), LAST_MS)
}

export class RepairPace {
  readonly #streaks = new Map<string, Streak>()

  constructor(private readonly nowMs: () => number) {}

  /** 0 = it may be repaired now. */
  waitMs(file: string): number {
    const { count, lastMs } = this.#streak(file)
    return Math.max(0, lastMs + delayMs(count) - this.nowMs())
  }

  repaired(file: string): void {
    this.#streaks.set(file, { count: this.#streak(file).count + 1, lastMs: this.nowMs() })
  }

  isFight(file: string): boolean {
    return this.#streak(file).count >= FIGHT_COUNT
  }

  #streak(file: string): Streak {
    const streak = this.#streaks.get(file)
    if (streak !== undefined) {
      if (this.nowMs() - streak.lastMs <= CALM_MS + 2 * delayMs(streak.count)) return streak
      this.#streaks.delete(file)
    }
    return { count: 0, lastMs: 0 }
  }
}
