/**
 * Which rules of a list match a connection's peer and port, without a look at the others: from the
 * address to the peers that hold it, from these to their rules, from the port to those among them.
 * The engine's is `native/policy/rule_index.h`.
 */
import { type AddressRanges, type AddressWords, rangesContain, V6_WORDS } from './address-ranges.js'
import type { CompiledRule, PortRange } from './compiled.js'
import { matchesName, NO_PEER_NAMES, type PeerNames } from './fqdn.js'
import { type Interval, IntervalTree } from './interval-tree.js'

/** What of a connection L3/L4 rules ask for. */
export interface Addressed {
  readonly protocol: number
  readonly destinationPort: number
}

/** Looking at each of so few is as fast. */
const FEW_RULES = 8
const FEW_GROUPS = 4
/**
 * A set may be the peers of rules in many lists: with more ranges it is indexed by the least intervals
 * around this many parts of it, and asked itself.
 */
const PARTS_MAX = 32
/** So it is for a rule's ports. */
const PORTS_INDEXED = 4

const indices = new WeakMap<readonly CompiledRule[], RuleIndex>()

/** Those that match, in the list's order. */
export function matchingRules(
  rules: readonly CompiledRule[],
  addressed: Addressed,
  peer: AddressWords,
  names: PeerNames = NO_PEER_NAMES,
): readonly CompiledRule[] {
  if (rules.length <= FEW_RULES)
    return rules.filter((rule) => matchesL4(rule, addressed, peer, names))
  let index = indices.get(rules)
  if (index === undefined) {
    index = new RuleIndex(rules)
    indices.set(rules, index)
  }
  return index.matching(addressed, peer, names)
}

function matchesL4(
  rule: CompiledRule,
  addressed: Addressed,
  peer: AddressWords,
  names: PeerNames,
): boolean {
  if (!matchesPort(rule, addressed)) return false
  if (rule.fqdn !== null) return matchesName(rule.fqdn, names)
  return rule.peers === null || rangesContain(rule.peers, peer)
}

function matchesPort(rule: CompiledRule, { protocol, destinationPort }: Addressed): boolean {
  if (rule.ports === null) return true
  for (const range of rule.ports) {
    if (range.protocol !== protocol) continue
    if (destinationPort >= range.first && destinationPort <= range.last) return true
  }
  return false
}

/** Rules of one list with the same peers, as places in it. */
class Group {
  readonly #portless: number[] = []
  readonly #ported: IntervalTree

  constructor(
    readonly peers: AddressRanges | null,
    rules: readonly CompiledRule[],
    places: readonly number[],
  ) {
    const intervals: Interval[] = []
    for (const place of places) {
      const ports = rules[place]?.ports ?? null
      if (ports === null) this.#portless.push(place)
      else for (const interval of portIntervals(ports, place)) intervals.push(interval)
    }
    this.#ported = new IntervalTree(intervals, 1)
  }

  collect(port: ArrayLike<number>, found: number[]): void {
    for (const place of this.#portless) found.push(place)
    this.#ported.stab(port, found)
  }
}

class RuleIndex {
  readonly #anyPeer: Group | null
  readonly #groups: readonly Group[]
  /** Places of rules that name peers by name. */
  readonly #named: number[] = []
  /** Items: groups. */
  readonly #v4: IntervalTree
  readonly #v6: IntervalTree

  constructor(private readonly rules: readonly CompiledRule[]) {
    const places = new Map<AddressRanges | null, number[]>()
    for (const [place, { peers, fqdn }] of rules.entries()) {
      if (fqdn !== null) {
        this.#named.push(place)
        continue
      }
      const known = places.get(peers)
      if (known === undefined) places.set(peers, [place])
      else known.push(place)
    }
    const anyPeer = places.get(null)
    this.#anyPeer = anyPeer === undefined ? null : new Group(null, rules, anyPeer)
    places.delete(null)
    this.#groups = Array.from(places, ([peers, own]) => new Group(peers, rules, own))
    this.#v4 = addressTree(this.#groups, 1)
    this.#v6 = addressTree(this.#groups, V6_WORDS)
  }

  matching(addressed: Addressed, peer: AddressWords, names: PeerNames): CompiledRule[] {
    const port = [portKey(addressed.protocol, addressed.destinationPort)]
    const places: number[] = []
    this.#anyPeer?.collect(port, places)
    for (const group of this.#near(peer)) {
      if (group.peers !== null && rangesContain(group.peers, peer)) group.collect(port, places)
    }
    this.#collectNamed(names, places)
    if (places.length > 1) places.sort((a, b) => a - b)
    return this.#matched(places, addressed)
  }

  #collectNamed(names: PeerNames, places: number[]): void {
    // Most addresses have no name.
    if (this.#named.length === 0 || names().length === 0) return
    for (const place of this.#named) {
      const fqdn = this.rules[place]?.fqdn
      if (fqdn && matchesName(fqdn, names)) places.push(place)
    }
  }

  #near(peer: AddressWords): readonly Group[] {
    const groups = this.#groups
    if (groups.length <= FEW_GROUPS) return groups
    const found: number[] = []
    const tree = peer.length === 1 ? this.#v4 : this.#v6
    tree.stab(peer, found)
    return found.flatMap((at) => groups[at] ?? [])
  }

  /** A rule whose ports overlap is among the places twice. */
  #matched(places: readonly number[], addressed: Addressed): CompiledRule[] {
    const matched: CompiledRule[] = []
    for (const [i, place] of places.entries()) {
      const rule = this.rules[place]
      if (rule === undefined || place === places[i - 1]) continue
      if (matchesPort(rule, addressed)) matched.push(rule)
    }
    return matched
  }
}

function portKey(protocol: number, port: number): number {
  return protocol * 0x10000 + port
}

function portIntervals(ports: readonly PortRange[], item: number): Interval[] {
  const intervals = ports.map(({ protocol, first, last }) => ({
    first: [portKey(protocol, first)],
    last: [portKey(protocol, last)],
    item,
  }))
  if (ports.length <= PORTS_INDEXED) return intervals
  const first = Math.min(...intervals.map((interval) => interval.first[0] ?? 0))
  const last = Math.max(...intervals.map((interval) => interval.last[0] ?? 0))
  return [{ first: [first], last: [last], item }]
}

function addressTree(groups: readonly Group[], words: number): IntervalTree {
  const intervals: Interval[] = []
  for (const [item, { peers }] of groups.entries()) {
    if (peers === null) continue
    const table = words === 1 ? peers.v4 : peers.v6
    for (const part of partsOf(table, words)) intervals.push({ ...part, item })
  }
  return new IntervalTree(intervals, words)
}

function* partsOf(table: Uint32Array, words: number): Iterable<Omit<Interval, 'item'>> {
  const ranges = table.length / (words * 2)
  const each = Math.ceil(ranges / PARTS_MAX)
  for (let from = 0; from < ranges; from += each) {
    const to = Math.min(from + each, ranges)
    yield {
      first: table.subarray(from * words * 2, (from * 2 + 1) * words),
      last: table.subarray((to * 2 - 1) * words, to * words * 2),
    }
  }
}
