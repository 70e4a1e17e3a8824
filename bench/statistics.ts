/** Medians and how far they can be trusted. */

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Linear interpolation between the nearest ranks. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = sorted[Math.floor(at)] ?? Number.NaN
  const high = sorted[Math.ceil(at)] ?? Number.NaN
  return low + (high - low) * (at - Math.floor(at))
}

export interface Estimate {
  readonly median: number
  readonly low: number
  readonly high: number
  /** The probability that `low` to `high` holds the median of what the samples were drawn from. */
  readonly confidence: number
  readonly samples: number
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** What an interval should reach; with fewer than five samples none does, and it says what it has. */
const WANTED_CONFIDENCE = 0.9

/**
 * The median with an interval between two order statistics: nothing is supposed about how the samples
 * are distributed, only that each is drawn alone. Five of them: the least and the greatest, 93.75 %.
 */
export function estimate(values: readonly number[]): Estimate {
  const sorted = [...values].sort((a, b) => a - b)
  const samples = sorted.length
  let rank = 1
  while (2 * (rank + 1) <= samples && coverage(samples, rank + 1) >= WANTED_CONFIDENCE) rank++
  return {
    median: median(sorted),
    low: sorted[rank - 1] ?? Number.NaN,
    high: sorted[samples - rank] ?? Number.NaN,
    confidence: samples === 0 ? 0 : coverage(samples, rank),
    samples,
  }
}

/** Of the interval from the rank-th least to the rank-th greatest of n: 1 - 2 P(B(n, 1/2) < rank). */
function coverage(n: number, rank: number): number {
  let term = 0.5 ** n
  let below = 0
  for (let k = 0; k < rank; k++) {
    below += term
    term *= (n - k) / (k + 1)
  }
  return Math.max(0, 1 - 2 * below)
}

export type Samples = readonly (number | null)[]

export function present(values: Samples): number[] {
  return values.filter((value) => value !== null)
}

/** Ratios within each round: what slows a whole round down cancels out. Null = that round failed. */
export function ratios(values: Samples, base: Samples): number[] {
  return values.flatMap((value, round) => {
    const against = base[round] ?? null
    return value === null || against === null || against === 0 ? [] : [value / against]
  })
}
