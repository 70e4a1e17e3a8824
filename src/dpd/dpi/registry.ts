import type { Parser } from '../../core/inspect/contract.js'
import { http } from './http/parser.js'

/** One line per parser; the first that says yes has the flow. */
export const registry: readonly Parser<unknown>[] = [http]
