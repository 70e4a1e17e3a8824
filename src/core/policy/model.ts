/**
 * The policy model that both kinds of document are read into. ingress and egress are the pod's:
 * podIngress is judged where the pod is the receiver of the connection, podEgress at the opener.
 */
import type { Failure, Mode } from '../endpoint.js'
import type { BlockKey } from './blocks.js'
import type { LabelSelector } from './label-selector.js'

export type Direction = 'ingress' | 'egress'
export type Action = 'allow' | 'deny'

/** IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP: the protocols whose ports a rule can name. */
export const TRANSPORTS = { TCP: 6, UDP: 17, SCTP: 132 } as const
export type Transport = keyof typeof TRANSPORTS

export type Peer =
  | {
      readonly kind: 'pods'
      readonly podSelector: LabelSelector
      /** null = the policy's own namespace. */
      readonly namespaceSelector: LabelSelector | null
    }
  | { readonly kind: 'block'; readonly cidr: string; readonly except: readonly string[] }
  /** What names that match stand for, by the answers that the pod itself got (egress only). */
  | { readonly kind: 'fqdn'; readonly pattern: string }

/**
 * strict: a request or handshake on a connection that a name opened must be for one of the address's
 * names. loose: the address is enough.
 */
export type FqdnBinding = 'strict' | 'loose'

export type Port =
  | { readonly protocol: number; readonly first: number; readonly last: number }
  /** A container port's name (NetworkPolicy only). */
  | { readonly protocol: number; readonly name: string }

/** Of a header field: there (`equals` null), there with just this value, or not there. */
export interface HeaderCondition {
  /** Lower case. */
  readonly name: string
  readonly isPresent: boolean
  readonly equals: string | null
}

/** One entry of a block: fields AND, within a field the patterns OR, header conditions AND. */
export interface BlockEntry {
  readonly block: BlockKey
  /** By the field's key; what has none is not restricted. */
  readonly patterns: Readonly<Record<string, readonly string[]>>
  readonly headers: readonly HeaderCondition[]
}

export interface PolicyRule {
  /** As written, or the index as text. */
  readonly name: string
  readonly action: Action
  /** Empty = any. */
  readonly peers: readonly Peer[]
  /** Empty = any. */
  readonly ports: readonly Port[]
  /** null = any app. */
  readonly apps: readonly string[] | null
  /** Alternatives; empty = none is asked for. */
  readonly blocks: readonly BlockEntry[]
}

export interface PolicyObject {
  readonly kind: 'Policy' | 'NetworkPolicy'
  readonly namespace: string
  readonly name: string
  /** Path of the file it came from. */
  readonly file: string
  readonly podSelector: LabelSelector
  readonly mode: Mode | null
  readonly failure: Failure | null
  readonly staged: boolean
  readonly fqdnBinding: FqdnBinding
  /** null = this policy does not isolate the direction; [] = isolates it and allows nothing. */
  readonly ingress: readonly PolicyRule[] | null
  readonly egress: readonly PolicyRule[] | null
}

/** In the order that names rules: by namespace, name, kind. */
export interface PolicySet {
  readonly policies: readonly PolicyObject[]
}

export const EMPTY_POLICY_SET: PolicySet = { policies: [] }

/** Code unit order, the same on every node and in every locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function comparePolicies(a: PolicyObject, b: PolicyObject): number {
  return (
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name) ||
    compareText(a.kind, b.kind)
  )
}
