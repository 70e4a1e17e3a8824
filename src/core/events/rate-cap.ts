/** A token bucket over a clock that the caller brings. */
export interface RateCap {
  readonly perSecond: number
  readonly burst: number
  readonly tokens: number
  readonly atMs: number
}

export function openRateCap(perSecond: number, burst: number, nowMs: number): RateCap {
  return { perSecond, burst, tokens: burst, atMs: nowMs }
}

/** Takes so many tokens, or as many as there are; the others are over the cap. A clock that went back adds nothing. */
export function take(
  cap: RateCap,
  nowMs: number,
  wanted = 1,
): { readonly cap: RateCap; readonly taken: number } {
  const { perSecond, burst, atMs } = cap
  const elapsedMs = Math.max(0, nowMs - atMs)
  const tokens = Math.min(burst, cap.tokens + (elapsedMs * perSecond) / 1000)
  const taken = Math.min(wanted, Math.floor(tokens))
  return { cap: { perSecond, burst, tokens: tokens - taken, atMs: nowMs }, taken }
}
