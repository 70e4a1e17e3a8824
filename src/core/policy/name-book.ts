/** Which names an address stands for, by the answers that a pod's own questions got. */
import type { Resolved } from '../inspect/contract.js'

export interface NameBook {
  /** In force for every thread when it returns. */
  learn(endpoint: number, resolved: Resolved): void
  /**
   * Lower case without final dot; `address` as text. Names that have expired are among them: the
   * engine let nobody begin under one, and live flows outlast the answers that let them begin.
   */
  namesOf(endpoint: number, address: string): readonly string[]
}

/** Nobody asked anything. */
export const NO_NAMES: NameBook = { learn: () => undefined, namesOf: () => [] }
