/** Conditions that are believed only when they have stayed: each is asked for in every round that sees it. */
export class Settling {
  #since = new Map<string, number>()
  #asked = new Set<string>()
  #leastMs = Number.POSITIVE_INFINITY

  constructor(
    private readonly settleMs: number,
    private readonly nowMs: () => number,
  ) {}

  hasStayed(condition: string): boolean {
    this.#asked.add(condition)
    const since = this.#since.get(condition) ?? this.nowMs()
    this.#since.set(condition, since)
    const restMs = since + this.settleMs - this.nowMs()
    if (restMs > 0) this.#leastMs = Math.min(this.#leastMs, restMs)
    return restMs <= 0
  }

  /** Ends a round: what it did not ask for is over. Returns when the next condition will have stayed. */
  endRound(): number {
    for (const condition of this.#since.keys()) {
      if (!this.#asked.has(condition)) this.#since.delete(condition)
    }
    this.#asked.clear()
    const leastMs = this.#leastMs
    this.#leastMs = Number.POSITIVE_INFINITY
    return leastMs
  }
}
