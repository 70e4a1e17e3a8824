import type { At, Dir } from '../../core/inspect/contract.js'
import type { Heads } from './probe.js'

/** Datagrams kept while no parser is chosen. */
const HELD_DATAGRAMS = 8
const NO_OCTETS = new Uint8Array(0)

export interface Datagram {
  readonly dir: Dir
  readonly at: At
  readonly octets: Uint8Array
}

/** A flow's first datagrams, until they are known to be some parser's. */
export class DatagramQueue {
  #held: Datagram[] = []

  get isFull(): boolean {
    return this.#held.length >= HELD_DATAGRAMS
  }

  /** The first of each direction, if this is the next one. */
  headsWith({ dir, octets }: Datagram): Heads {
    const first = (of: Dir) =>
      this.#held.find((held) => held.dir === of)?.octets ?? (of === dir ? octets : NO_OCTETS)
    return { orig: first('orig'), reply: first('reply') }
  }

  /** Copies: the caller's octets are valid during its call only. */
  push({ dir, at, octets }: Datagram): void {
    this.#held.push({ dir, at, octets: octets.slice() })
  }

  drain(): readonly Datagram[] {
    const held = this.#held
    this.#held = []
    return held
  }
}
