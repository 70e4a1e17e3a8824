/** Numbers of the verdicts in the kernel's flow map: flows of any other are judged again. */

/**
 * Seconds since 1970 at the start, and one more each time: what a dpd before this one counted, or an
 * endpoint that had the same id, is another number.
 */
export function epochsFrom(nowMs: number): () => number {
  let epoch = Math.floor(nowMs / 1000) >>> 0
  return () => {
    epoch = (epoch + 1) >>> 0 || 1
    return epoch
  }
}
