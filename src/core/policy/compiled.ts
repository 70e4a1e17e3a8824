/** What `compile` makes of a policy set: plain data, shared between the endpoints that it fits. */
import type { Failure, Mode } from '../endpoint.js'
import type { RuleId } from '../inspect/contract.js'
import type { AddressRanges } from './address-ranges.js'
import type { Glob } from './glob.js'
import type { Action, Direction, FqdnBinding } from './model.js'

/** What an operator reads of a rule; index in `CompiledPolicy.rules` = RuleId. */
export interface RuleInfo {
  /** `namespace/name`; empty for the verdicts that no document states. */
  readonly policy: string
  readonly rule: string
  readonly direction: Direction | null
  readonly action: Action
  readonly staged: boolean
  readonly file: string | null
}

export interface PortRange {
  readonly protocol: number
  readonly first: number
  readonly last: number
}

export interface Condition {
  /** Index in `BLOCK_FIELDS`. */
  readonly field: number
  /** Lower case, where the field is the header fields; else null. */
  readonly header: string | null
  /** Any of them; null = whatever it says, if it is there. */
  readonly patterns: readonly Glob[] | null
  /** Holds where the field is not there. */
  readonly isAbsence: boolean
}

/** All conditions must hold. */
export interface CompiledEntry {
  readonly apps: readonly string[]
  readonly conditions: readonly Condition[]
}

/** Peers by the names that they were learned under. */
export interface CompiledFqdn {
  readonly pattern: Glob
  readonly binding: FqdnBinding
}

export interface CompiledRule {
  readonly id: RuleId
  readonly deny: boolean
  /** null = any, unless `fqdn` says which. */
  readonly peers: AddressRanges | null
  readonly fqdn: CompiledFqdn | null
  /** null = any, also protocols without ports; empty = none (named ports only). */
  readonly ports: readonly PortRange[] | null
  /** null = any app; with blocks, the apps of the blocks. */
  readonly apps: ReadonlySet<string> | null
  /** Of its blocks: alternatives; empty = every transaction matches. */
  readonly entries: readonly CompiledEntry[]
  /** App classes (`app-classes.ts`) of which every flow matches, as far as L7 goes. */
  readonly certain: number
  /** App classes of which some flow may match. */
  readonly possible: number
}

/** What a judge must look at or keep beyond the plain fields of requests. */
export interface Asks {
  /** Lower-case names of header fields. */
  readonly headers: readonly string[]
  /** Apps whose replies are judged before they pass. */
  readonly replies: readonly string[]
  /** Some rule names peers by name: answers to the pod's questions are learned before they pass. */
  readonly names: boolean
}

export const NO_ASKS: Asks = { headers: [], replies: [], names: false }

export interface CompiledDirection {
  /** Of the staged rules too. */
  readonly asks: Asks
  readonly isolated: boolean
  /** In the order that names them: by policy, then index. Without staged ones. */
  readonly rules: readonly CompiledRule[]
  /** What would hold were the staged policies in force; null where there are none. */
  readonly staged: CompiledDirection | null
}

export interface CompiledEndpoint {
  readonly id: number
  readonly namespace: string
  readonly pod: string
  readonly mode: Mode
  readonly failure: Failure
  readonly quarantined: boolean
  /** Of all interfaces of the pod. */
  readonly addresses: AddressRanges
  /** The same and what endpoints.d lists, as texts: what the pod may send from. Empty = nothing is known. */
  readonly sources: readonly string[]
  readonly ingress: CompiledDirection
  readonly egress: CompiledDirection
}

export interface CompiledPolicy {
  readonly generation: number
  readonly rules: readonly RuleInfo[]
  readonly warnings: readonly string[]
  /** For the engine: `native/policy/l4_table.h`. */
  readonly l4Block: Uint8Array
  /** Sources that ingress rule 3 lets in; empty with `nodeTraffic: policy`. */
  readonly nodeAddresses: AddressRanges
  /** Whose answers teach names. */
  readonly resolvers: AddressRanges
  /** null where the id is not of this generation: allowed, not isolated. */
  endpoint(id: number): CompiledEndpoint | null
}
