/**
 * Which rules of a list match a connection's peer and port, without a look at the others: from the
 * address to the peers that hold it, from these to their rules, from the port to those among them.
 * The engine's is `native/policy/rule_index.h`.
 */
import { type AddressRanges, type AddressWords, rangesContain, V6_WORDS } from './address-ranges.js'
import type { CompiledRule, PortRange } from './compiled.js'
import { matchesName, NO_PEER_NAMES, type PeerNames } from './fqdn.js'
import { Intervals, IntervalTree } from './interval-tree.js'

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

/**
 * So many more are indexed by each look-up, which looks at each rule until all are: a tenth of a second for
 * ten thousand rules in one go would be one that every verdict waits for.
 */
const RULES_AT_ONCE = 32

const indices = new WeakMap<readonly CompiledRule[], RuleIndex | Indexing>()

/** Those that match, in the list's order. */
export function matchingRules(
  rules: readonly CompiledRule[],
  addressed: Addressed,
  peer: AddressWords,
  names: PeerNames = NO_PEER_NAMES,
): readonly CompiledRule[] {
  const index = rules.length <= FEW_RULES ? null : indexOf(rules)
  if (index !== null) return index.matching(addressed, peer, names)
  return rules.filter((rule) => matchesL4(rule, addressed, peer, names))
}

/** null = it is being made. */
function indexOf(rules: readonly CompiledRule[]): RuleIndex | null {
  const known = indices.get(rules) ?? new Indexing(rules)
  if (known instanceof RuleIndex) return known
  known.take(RULES_AT_ONCE)
  indices.set(rules, known.isDone ? known.finish() : known)
  return null
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
  readonly #places: number[] = []
  /** Made when a peer of theirs first asks: of ten thousand groups most never are. */
  #byPort: ByPort | null = null

  constructor(
    readonly peers: AddressRanges | null,
    private readonly rules: readonly CompiledRule[],
  ) {}

  add(place: number): void {
    this.#places.push(place)
  }

  collect(port: ArrayLike<number>, found: number[]): void {
    this.#byPort ??= byPort(this.rules, this.#places)
    for (const place of this.#byPort.portless) found.push(place)
    this.#byPort.ported.stab(port, found)
  }
}

interface ByPort {
  readonly portless: readonly number[]
  readonly ported: IntervalTree
}

function byPort(rules: readonly CompiledRule[], places: readonly number[]): ByPort {
  const portless: number[] = []
  const intervals = new Intervals(1)
  for (const place of places) {
    const ports = rules[place]?.ports ?? null
    if (ports === null) portless.push(place)
    else addPorts(intervals, ports, place)
  }
  return { portless, ported: new IntervalTree(intervals) }
}

/** A list of which the first rules are indexed. */
class Indexing {
  #taken = 0
  readonly #anyPeer: Group
  readonly #groups: Group[] = []
  readonly #groupOf = new Map<AddressRanges, Group>()
  readonly #named: number[] = []
  readonly #v4 = new Intervals(1)
  readonly #v6 = new Intervals(V6_WORDS)

  constructor(private readonly rules: readonly CompiledRule[]) {
    this.#anyPeer = new Group(null, rules)
  }

  get isDone(): boolean {
    return this.#taken >= this.rules.length
  }

  take(rulesMax: number): void {
    const to = Math.min(this.rules.length, this.#taken + rulesMax)
    for (; this.#taken < to; this.#taken++) {
      const rule = this.rules[this.#taken]
      if (rule === undefined) continue
      if (rule.fqdn !== null) this.#named.push(this.#taken)
      else this.#groupWith(rule.peers).add(this.#taken)
    }
  }

  #groupWith(peers: AddressRanges | null): Group {
    if (peers === null) return this.#anyPeer
    const known = this.#groupOf.get(peers)
    if (known !== undefined) return known
    const group = new Group(peers, this.rules)
    this.#groupOf.set(peers, group)
    addParts(this.#v4, peers.v4, this.#groups.length)
    addParts(this.#v6, peers.v6, this.#groups.length)
    this.#groups.push(group)
    return group
  }

  finish(): RuleIndex {
    const [v4, v6] = [new IntervalTree(this.#v4), new IntervalTree(this.#v6)]
    return new RuleIndex(this.rules, this.#anyPeer, this.#groups, this.#named, v4, v6)
  }
}

class RuleIndex {
  constructor(
    private readonly rules: readonly CompiledRule[],
    private readonly anyPeer: Group,
    private readonly groups: readonly Group[],
    /** Places of rules that name peers by name. */
    private readonly named: readonly number[],
    /** Items: groups. */
    private readonly v4: IntervalTree,
    private readonly v6: IntervalTree,
  ) {}

  matching(addressed: Addressed, peer: AddressWords, names: PeerNames): CompiledRule[] {
    const port = [portKey(addressed.protocol, addressed.destinationPort)]
    const places: number[] = []
    this.anyPeer.collect(port, places)
    for (const group of this.#near(peer)) {
      if (group.peers !== null && rangesContain(group.peers, peer)) group.collect(port, places)
    }
    this.#collectNamed(names, places)
    if (places.length > 1) places.sort((a, b) => a - b)
    return this.#matched(places, addressed)
  }

  #collectNamed(names: PeerNames, places: number[]): void {
    // Most addresses have no name.
    if (this.named.length === 0 || names().length === 0) return
    for (const place of this.named) {
      const fqdn = this.rules[place]?.fqdn
      if (fqdn && matchesName(fqdn, names)) places.push(place)
    }
  }

  #near(peer: AddressWords): readonly Group[] {
    const groups = this.groups
    if (groups.length <= FEW_GROUPS) return groups
    const found: number[] = []
    const tree = peer.length === 1 ? this.v4 : this.v6
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

function addPorts(intervals: Intervals, ports: readonly PortRange[], item: number): void {
  const ends = ports.map(({ protocol, first, last }) => [
    portKey(protocol, first),
    portKey(protocol, last),
  ])
  if (ports.length <= PORTS_INDEXED) {
    for (const both of ends) intervals.add(both, 0, 1, item)
    return
  }
  const all = ends.flat()
  intervals.add([Math.min(...all), Math.max(...all)], 0, 1, item)
}

function addParts(intervals: Intervals, table: Uint32Array, item: number): void {
  const { words } = intervals
  const ranges = table.length / (words * 2)
  const each = Math.ceil(ranges / PARTS_MAX)
  for (let from = 0; from < ranges; from += each) {
    const to = Math.min(from + each, ranges)
    intervals.add(table, from * words * 2, (to * 2 - 1) * words, item)
  }
}
