/** Which names an address stands for, by the answers that a pod's own questions got. */
import type { Resolved } from '../inspect/contract.js'

/** Live flows outlast the answers that let them begin: asked for at this time, expired names count. */
export const WHENEVER_MS = 0

/** Times are of one clock that never goes back. */
export interface NameBook {
  nowMs(): number
  /** In force for every thread when it returns. */
  learn(endpoint: number, resolved: Resolved): void
  /** Names that stand at the time, lower case without final dot; `address` as text. */
  namesOf(endpoint: number, address: string, atMs: number): readonly string[]
}

/** Nobody asked anything. */
export const NO_NAMES: NameBook = {
  nowMs: () => 1,
  learn: () => undefined,
  namesOf: () => [],
}
