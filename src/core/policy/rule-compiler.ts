/** Rules of documents → compiled rules with ids, in the order in which rules are named. */

import { type AddressRanges, type AddressSpan, blockSpans, rangesOf } from './address-ranges.js'
import { type AppClasses, certainClasses, classifyApps, possibleClasses } from './app-classes.js'
import { blockApps, compileEntry } from './block-compiler.js'
import type { CompiledRule, PortRange, RuleInfo } from './compiled.js'
import { BOUND_APPS } from './fqdn.js'
import { parseGlob } from './glob.js'
import type { IdentityIndex } from './identity.js'
import type {
  Direction,
  FqdnBinding,
  Peer,
  PolicyObject,
  PolicyRule,
  PolicySet,
  Port,
} from './model.js'
import { FIRST_POLICY_RULE } from './rule-id.js'
import { STATED_BY_NO_DOCUMENT } from './verdict-rules.js'

export class RuleCompiler {
  readonly rules: RuleInfo[] = [...STATED_BY_NO_DOCUMENT]
  readonly warnings: string[] = []
  readonly #index: IdentityIndex
  readonly #classes: AppClasses
  readonly #peers = new Map<string, AddressRanges>()

  constructor(set: PolicySet, index: IdentityIndex) {
    this.#index = index
    this.#classes = classifyApps(appsOfSet(set))
    while (this.rules.length < FIRST_POLICY_RULE) this.rules.push(reserved(this.rules.length))
  }

  compile(policy: PolicyObject): Record<Direction, CompiledRule[]> {
    const compileAll = (direction: Direction) =>
      (policy[direction] ?? []).flatMap((rule) => this.#compileRule(policy, direction, rule))
    return { ingress: compileAll('ingress'), egress: compileAll('egress') }
  }

  /** One, and one more for each name: what a rule asks for is the same whoever the peer. */
  #compileRule(policy: PolicyObject, direction: Direction, rule: PolicyRule): CompiledRule[] {
    const id = this.rules.length
    this.rules.push({
      policy: `${policy.namespace}/${policy.name}`,
      rule: rule.name,
      direction,
      action: rule.action,
      staged: policy.staged,
      file: policy.file,
    })
    const apps = appsOf(rule)
    const entries = rule.blocks.map(compileEntry)
    const names = rule.peers.filter((peer) => peer.kind === 'fqdn')
    const others = rule.peers.filter((peer) => peer.kind !== 'fqdn')
    const compiled: CompiledRule = {
      id,
      deny: rule.action === 'deny',
      peers: rule.peers.length === 0 ? null : this.#peerRanges(policy.namespace, others),
      fqdn: null,
      ports: rule.ports.length === 0 ? null : this.#portRanges(policy, direction, rule),
      apps,
      entries,
      certain: entries.length > 0 ? 0 : certainClasses(this.#classes, apps),
      possible: possibleClasses(this.#classes, apps),
    }
    const byName = names.map(({ pattern }) => this.#named(compiled, pattern, policy.fqdnBinding))
    return names.length > 0 && others.length === 0 ? byName : [compiled, ...byName]
  }

  #named(rule: CompiledRule, pattern: string, binding: FqdnBinding): CompiledRule {
    const bound = binding === 'strict' ? possibleClasses(this.#classes, BOUND_APPS) : 0
    const fqdn = { pattern: parseGlob(pattern), binding }
    return { ...rule, peers: null, fqdn, certain: rule.certain & ~bound }
  }

  /** Many rules name the same peers: they share the ranges. */
  #peerRanges(namespace: string, peers: readonly Peer[]): AddressRanges {
    const key = JSON.stringify([namespace, peers])
    const known = this.#peers.get(key)
    if (known !== undefined) return known
    const ranges = rangesOf(peers.flatMap((peer) => this.#peerSpans(namespace, peer)))
    this.#peers.set(key, ranges)
    return ranges
  }

  #peerSpans(namespace: string, peer: Peer): AddressSpan[] {
    if (peer.kind === 'fqdn') return []
    if (peer.kind === 'block') return blockSpans(peer.cidr, peer.except)
    return this.#index
      .pick(namespace, peer.namespaceSelector, peer.podSelector)
      .flatMap(({ addresses }) => addresses)
  }

  #portRanges(policy: PolicyObject, direction: Direction, rule: PolicyRule): PortRange[] {
    const ranges: PortRange[] = []
    for (const port of rule.ports) {
      if (!isNamed(port)) ranges.push(port)
      else this.warnings.push(namedPortWarning(policy, direction, rule, port.name))
    }
    return ranges
  }
}

function isNamed(port: Port): port is Extract<Port, { readonly name: string }> {
  return 'name' in port
}

function namedPortWarning(
  policy: PolicyObject,
  direction: Direction,
  rule: PolicyRule,
  port: string,
): string {
  const place = `${policy.file}: ${policy.kind} ${policy.namespace}/${policy.name}`
  return `${place} ${direction} rule ${rule.name}: named port ${port} matches nothing, as no pod's container ports are known here: write its number`
}

/** The apps that a rule can match; null = all. */
function appsOf(rule: PolicyRule): ReadonlySet<string> | null {
  if (rule.blocks.length === 0) return rule.apps === null ? null : new Set(rule.apps)
  return new Set([...blockApps(rule.blocks)].filter((app) => rule.apps?.includes(app) ?? true))
}

function* appsOfSet(set: PolicySet): Iterable<string> {
  for (const { ingress, egress } of set.policies) {
    for (const rule of [...(ingress ?? []), ...(egress ?? [])]) {
      yield* appsOf(rule) ?? []
      if (rule.peers.some(({ kind }) => kind === 'fqdn')) yield* BOUND_APPS
    }
  }
}

function reserved(id: number): RuleInfo {
  const rule = `reserved-${id}`
  return { policy: '', rule, direction: null, action: 'deny', staged: false, file: null }
}
