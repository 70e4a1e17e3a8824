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

/** Takes one token; `taken` false = over the cap. A clock that went back adds nothing. */
export function take(
  cap: RateCap,
  nowMs: number,
): { readonly cap: RateCap; readonly taken: boolean } {
  const elapsedMs = Math.max(0, nowMs - cap.atMs)
  const tokens = Math.min(cap.burst, cap.tokens + (elapsedMs * cap.perSecond) / 1000)
  if (tokens < 1) return { cap: { ...cap, tokens, atMs: nowMs }, taken: false }
  return { cap: { ...cap, tokens: tokens - 1, atMs: nowMs }, taken: true }
}
