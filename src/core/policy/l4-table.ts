/**
 * The L3/L4 half of a compiled policy as one block of octets for the engine; read and checked by
 * native/policy/l4_table.cc, where the layout is described. All integers little-endian.
 */
import { fromLatin1 } from '../bytes.js'
import type { AddressRanges } from './address-ranges.js'
import type { CompiledDirection, CompiledEndpoint, CompiledRule, PortRange } from './compiled.js'

export const L4_MAGIC = 0x344c5756
export const L4_VERSION = 2
/** magic, version, header octets, total octets, checksum, generation, node set, resolver set, 9 x (offset, count). */
export const L4_HEADER_OCTETS = 100
/** Index of the set that holds nothing; index 0xffffffff = any address. */
const EMPTY_SET = 0
const ANY_ADDRESS = 0xffffffff
const ANY_PORT = 0xffffffff
/** Of a rule's peers: the rest is the index of a name. */
const NAMED = 0x80000000

export interface L4Source {
  readonly generation: number
  readonly nodeAddresses: AddressRanges
  readonly resolvers: AddressRanges
  readonly endpoints: readonly CompiledEndpoint[]
}

/** Words of one section, every record of `words` words. */
class Section {
  #room = new Uint32Array(64)
  #used = 0
  constructor(readonly words: number) {}

  get values(): Uint32Array {
    return this.#room.subarray(0, this.#used)
  }

  get count(): number {
    return this.#used / this.words
  }

  /** Of one record, or of several; returns the first one's index. */
  add(values: ArrayLike<number>): number {
    const index = this.count
    const used = this.#used + values.length
    if (used > this.#room.length) {
      const room = new Uint32Array(Math.max(used, this.#room.length * 2))
      room.set(this.values)
      this.#room = room
    }
    this.#room.set(values, this.#used)
    this.#used = used
    return index
  }
}

class L4Block {
  readonly endpoints = new Section(7)
  readonly rules = new Section(7)
  readonly lists = new Section(1)
  readonly ports = new Section(2)
  readonly sets = new Section(4)
  readonly v4 = new Section(2)
  readonly v6 = new Section(8)
  readonly names = new Section(2)
  readonly texts = new Section(1)
  readonly #names = new Map<string, number>()
  readonly #sets = new Map<AddressRanges, number>()
  readonly #rules = new Map<CompiledRule, number>()
  readonly #lists = new Map<readonly CompiledRule[], number>()

  constructor() {
    this.sets.add([0, 0, 0, 0])
  }

  addEndpoint(endpoint: CompiledEndpoint): void {
    const { ingress, egress } = endpoint
    const flags =
      (ingress.isolated ? 1 : 0) |
      (egress.isolated ? 2 : 0) |
      (endpoint.quarantined ? 4 : 0) |
      (egress.asks.names ? 8 : 0)
    this.endpoints.add([
      endpoint.id,
      flags,
      this.addSet(endpoint.addresses),
      this.#addList(ingress),
      ingress.rules.length,
      this.#addList(egress),
      egress.rules.length,
    ])
  }

  addSet(ranges: AddressRanges): number {
    if (ranges.v4.length === 0 && ranges.v6.length === 0) return EMPTY_SET
    const known = this.#sets.get(ranges)
    if (known !== undefined) return known
    const first4 = this.v4.add(ranges.v4)
    const first6 = this.v6.add(ranges.v6)
    const index = this.sets.add([first4, this.v4.count - first4, first6, this.v6.count - first6])
    this.#sets.set(ranges, index)
    return index
  }

  #addList({ rules }: CompiledDirection): number {
    const known = this.#lists.get(rules)
    if (known !== undefined) return known
    const first = this.lists.add(rules.map((rule) => this.#addRule(rule)))
    this.#lists.set(rules, first)
    return first
  }

  #addRule(rule: CompiledRule): number {
    const known = this.#rules.get(rule)
    if (known !== undefined) return known
    const index = this.rules.add([
      rule.id,
      rule.deny ? 1 : 0,
      this.#addPeers(rule),
      rule.ports === null ? ANY_PORT : this.#addPorts(rule.ports),
      rule.ports === null ? 0 : rule.ports.length,
      rule.certain,
      rule.possible,
    ])
    this.#rules.set(rule, index)
    return index
  }

  #addPeers({ peers, fqdn }: CompiledRule): number {
    if (fqdn !== null) return (NAMED | this.#addName(fqdn.pattern.parts.join('*'))) >>> 0
    return peers === null ? ANY_ADDRESS : this.addSet(peers)
  }

  /** Each begins a word. */
  #addName(text: string): number {
    const known = this.#names.get(text)
    if (known !== undefined) return known
    const octets = fromLatin1(text)
    const index = this.names.add([this.texts.count * 4, octets.length])
    for (let at = 0; at < octets.length; at += 4) {
      const octet = (i: number): number => octets[at + i] ?? 0
      this.texts.add([octet(0) | (octet(1) << 8) | (octet(2) << 16) | (octet(3) << 24)])
    }
    this.#names.set(text, index)
    return index
  }

  #addPorts(ranges: readonly PortRange[]): number {
    const first = this.ports.count
    for (const range of ranges) this.ports.add([range.protocol, range.first | (range.last << 16)])
    return first
  }

  sections(): readonly Section[] {
    const { endpoints, rules, lists, ports, sets, v4, v6, names, texts } = this
    return [endpoints, rules, lists, ports, sets, v4, v6, names, texts]
  }
}

export function encodeL4Block(source: L4Source): Uint8Array {
  const block = new L4Block()
  const nodeSet = block.addSet(source.nodeAddresses)
  const resolverSet = block.addSet(source.resolvers)
  for (const endpoint of [...source.endpoints].sort((a, b) => a.id - b.id)) {
    block.addEndpoint(endpoint)
  }
  const sections = block.sections()
  const words = sections.reduce((sum, section) => sum + section.values.length, 0)
  const octets = new Uint8Array(L4_HEADER_OCTETS + words * 4)
  const view = new DataView(octets.buffer)
  view.setUint32(0, L4_MAGIC, true)
  view.setUint16(4, L4_VERSION, true)
  view.setUint16(6, L4_HEADER_OCTETS, true)
  view.setUint32(8, octets.length, true)
  view.setUint32(16, source.generation, true)
  view.setUint32(20, nodeSet, true)
  view.setUint32(24, resolverSet, true)
  writeSections(view, sections)
  view.setUint32(12, checksum(octets), true)
  return octets
}

function writeSections(view: DataView, sections: readonly Section[]): void {
  let at = L4_HEADER_OCTETS
  for (const [i, section] of sections.entries()) {
    view.setUint32(28 + i * 8, at, true)
    view.setUint32(32 + i * 8, section.count, true)
    for (const value of section.values) {
      view.setUint32(at, value, true)
      at += 4
    }
  }
}

/** FNV-1a over the words behind the checksum: finds damage, proves nothing. */
function checksum(octets: Uint8Array): number {
  const view = new DataView(octets.buffer)
  let hash = 0x811c9dc5
  for (let at = 16; at < octets.length; at += 4) {
    hash = Math.imul(hash ^ view.getUint32(at, true), 0x01000193)
  }
  return hash >>> 0
}
