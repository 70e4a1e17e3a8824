import type { Parser } from '../../core/inspect/contract.js'

/** One line per parser; the first that says yes has the flow. */
export const registry: readonly Parser<unknown>[] = []
