/** An inspection between two messages: what is left of it when its flow is put to rest. */
import type { TxId } from '../../core/inspect/contract.js'
import type { SavedChosen } from './chosen.js'
import type { SavedWindows } from './windows.js'

/** `parser`: its place among those of the transport; -1 = it is not identified yet. */
export type SavedInspection = readonly [
  ...windows: SavedWindows,
  txBase: TxId,
  switches: number,
  parser: number,
  chosen: SavedChosen | null,
]
