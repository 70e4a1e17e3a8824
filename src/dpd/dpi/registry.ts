import type { Parser } from '../../core/inspect/contract.js'
import { dnsTcp, dnsUdp } from './dns/parser.js'
import { http } from './http/parser.js'
import { tls } from './tls/parser.js'

/** One line per parser; the first that says yes has the flow. */
export const registry: readonly Parser<unknown>[] = [tls, http, dnsTcp, dnsUdp]
