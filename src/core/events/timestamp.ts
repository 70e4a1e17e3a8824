const SECOND_MS = 1000

let second = Number.NaN
let text = ''

/** EVE's clock has microseconds and a numeric zone: 2026-01-01T00:00:00.000000+0000. */
export function eveTimestamp(atMs: number): string {
  const now = Math.floor(atMs / SECOND_MS)
  if (now !== second) {
    text = new Date(now * SECOND_MS).toISOString().slice(0, -'000Z'.length)
    second = now
  }
  return `${text}${String(Math.floor(atMs) - now * SECOND_MS).padStart(3, '0')}000+0000`
}
