import type { Dir } from '../../../src/core/inspect/contract.js'

/** Octets of one direction, in wire order among the others. */
export interface Send {
  readonly dir: Dir
  readonly octets: Uint8Array
  readonly ended: boolean
}
