/**
 * Sets of addresses as sorted, disjoint ranges: membership is a binary search, whether the set came
 * from 10 000 pods or from a block with exceptions. The same form goes into the L4 block.
 */
import { type Address, type Cidr, networkOf, parseAddress, parseCidr } from '../address.js'

/** Both ends belong to it. */
export interface AddressSpan {
  readonly family: 4 | 6
  readonly first: bigint
  readonly last: bigint
}

export interface AddressRanges {
  /** first, last, first, last ... */
  readonly v4: Uint32Array
  /** Four words of first, most significant first, four of last, ... */
  readonly v6: Uint32Array
}

export const V6_WORDS = 4

/** An address as words, most significant first: 1 for IPv4, 4 for IPv6. */
export type AddressWords = Uint32Array

export function wordsOf(address: Address): AddressWords {
  const { octets } = address
  const words = new Uint32Array(octets.length / 4)
  for (let i = 0; i < octets.length; i++) {
    words[i >> 2] = ((words[i >> 2] ?? 0) << 8) | (octets[i] ?? 0)
  }
  return words
}

/** Of the text of an address that was checked before; the words are shared. */
export function addressWords(text: string): AddressWords {
  const known = wordsByText.get(text)
  if (known !== undefined) return known
  if (wordsByText.size >= TEXTS_KNOWN) wordsByText.clear()
  const words = wordsOf(parseAddress(text))
  wordsByText.set(text, words)
  return words
}

/** A flow is judged several times, and flows of one peer follow each other. */
const wordsByText = new Map<string, AddressWords>()
const TEXTS_KNOWN = 4096

export function addressSpan(text: string): AddressSpan {
  const { family, octets } = parseAddress(withoutLength(text))
  const value = toBigint(octets)
  return { family, first: value, last: value }
}

/** The block minus its exceptions. */
export function blockSpans(cidr: string, except: readonly string[]): AddressSpan[] {
  let spans = [cidrSpan(parseCidr(cidr))]
  for (const text of except) {
    const hole = cidrSpan(parseCidr(text))
    spans = spans.flatMap((span) => withoutSpan(span, hole))
  }
  return spans
}

export function rangesOf(spans: readonly AddressSpan[]): AddressRanges {
  return { v4: pack(merged(spans, 4), 1), v6: pack(merged(spans, 6), V6_WORDS) }
}

export function rangesContain(ranges: AddressRanges, address: AddressWords): boolean {
  const table = address.length === 1 ? ranges.v4 : ranges.v6
  const stride = address.length * 2
  let low = 0
  let high = table.length / stride
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(address, table, middle * stride)) high = middle
    else if (isAbove(address, table, middle * stride + address.length)) low = middle + 1
    else return true
  }
  return false
}

/** 10.0.0.2/24, as interfaces have it, is the address 10.0.0.2. */
export function withoutLength(address: string): string {
  const slash = address.indexOf('/')
  return slash < 0 ? address : address.slice(0, slash)
}

function isBelow(address: AddressWords, table: Uint32Array, at: number): boolean {
  return compareAt(address, table, at) < 0
}

function isAbove(address: AddressWords, table: Uint32Array, at: number): boolean {
  return compareAt(address, table, at) > 0
}

function compareAt(address: AddressWords, table: Uint32Array, at: number): number {
  for (let i = 0; i < address.length; i++) {
    const difference = (address[i] ?? 0) - (table[at + i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function toBigint(octets: Uint8Array): bigint {
  let value = 0n
  for (const octet of octets) value = (value << 8n) | BigInt(octet)
  return value
}

function cidrSpan(cidr: Cidr): AddressSpan {
  const first = toBigint(networkOf(cidr).octets)
  const hostBits = BigInt(cidr.octets.length * 8 - cidr.prefixBits)
  return { family: cidr.family, first, last: first + (1n << hostBits) - 1n }
}

function withoutSpan(span: AddressSpan, hole: AddressSpan): AddressSpan[] {
  if (hole.family !== span.family || hole.last < span.first || hole.first > span.last) return [span]
  const rest: AddressSpan[] = []
  if (hole.first > span.first) rest.push({ ...span, last: hole.first - 1n })
  if (hole.last < span.last) rest.push({ ...span, first: hole.last + 1n })
  return rest
}

function merged(spans: readonly AddressSpan[], family: 4 | 6): AddressSpan[] {
  const sorted = spans
    .filter((span) => span.family === family)
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const result: AddressSpan[] = []
  for (const span of sorted) {
    const previous = result[result.length - 1]
    if (previous === undefined || span.first > previous.last + 1n) result.push(span)
    else if (span.last > previous.last) result[result.length - 1] = { ...previous, last: span.last }
  }
  return result
}

function pack(spans: readonly AddressSpan[], words: number): Uint32Array {
  const table = new Uint32Array(spans.length * words * 2)
  for (const [i, { first, last }] of spans.entries()) {
    const at = i * words * 2
    if (words === 1) {
      table[at] = Number(first)
      table[at + 1] = Number(last)
    } else {
      packV6(first, table, at)
      packV6(last, table, at + words)
    }
  }
  return table
}

const halves = new DataView(new ArrayBuffer(16))

function packV6(address: bigint, table: Uint32Array, at: number): void {
  halves.setBigUint64(0, address >> 64n)
  halves.setBigUint64(8, address)
  for (let word = 0; word < V6_WORDS; word++) table[at + word] = halves.getUint32(word * 4)
}
