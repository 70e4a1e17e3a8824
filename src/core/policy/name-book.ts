/** Which names an address stands for, by the answers that a pod's own questions got. */
import type { Resolved } from '../inspect/contract.js'

export interface NameBook {
  /** In force for every thread when it returns. */
  learn(endpoint: number, resolved: Resolved): void
  /**
   * Those that stood for `address` (text) so long ago, lower case without final dot: a flow is judged by
   * the names of its beginning, as it may outlast them.
   */
  namesOf(endpoint: number, address: string, agoMs: number): readonly string[]
}

/** An address is still good so long after its TTL: clients connect late, and cache a little longer. */
export const NAME_GRACE_SECONDS = 60

/** Nobody asked anything. */
export const NO_NAMES: NameBook = { learn: () => undefined, namesOf: () => [] }
