import type { Dir, FlowView, Parser } from '../../core/inspect/contract.js'

export type Heads = Readonly<Record<Dir, Uint8Array>>
export type Ended = Readonly<Record<Dir, boolean>>

type Parsers = readonly Parser<unknown>[]
type ByTransport = Readonly<Record<FlowView['transport'], Parsers>>

/** Each list of parsers is sorted by transport once, not once per flow. */
const sorted = new WeakMap<Parsers, ByTransport>()

export function parsersFor(transport: FlowView['transport'], parsers: Parsers): Parsers {
  const known = sorted.get(parsers)
  if (known !== undefined) return known[transport]
  const carriedBy = (by: FlowView['transport']) =>
    parsers.filter((parser) => parser.transport.includes(by))
  const fresh = { tcp: carriedBy('tcp'), udp: carriedBy('udp') }
  sorted.set(parsers, fresh)
  return fresh[transport]
}

type ByFirstOctet = Readonly<Record<Dir, Parsers[]>>

const byFirstOctet = new WeakMap<Parsers, ByFirstOctet>()

/** Those that the first octet leaves, in their order: each is found out once. */
function candidates(parsers: Parsers, { orig, reply }: Heads): Parsers {
  const dir = orig.length > 0 ? 'orig' : 'reply'
  const [first] = dir === 'orig' ? orig : reply
  if (first === undefined) return parsers
  let known = byFirstOctet.get(parsers)
  if (known === undefined) {
    known = { orig: [], reply: [] }
    byFirstOctet.set(parsers, known)
  }
  known[dir][first] ??= parsers.filter(({ begins }) => begins?.[dir]?.has(first) ?? true)
  return known[dir][first] ?? parsers
}

/** The parser whose protocol this is, or whether asking again makes sense. */
export type ProbeAnswer =
  | { readonly kind: 'yes'; readonly parser: Parser<unknown> }
  | { readonly kind: 'none'; readonly threw: boolean }
  /** `greets`: the one app that it may be, of which the opener waits for a greeting. */
  | { readonly kind: 'more'; readonly threw: boolean; readonly greets: string | null }

/**
 * Never looks at ports: what the octets are decides. `grown` = the direction of a stream that has more than the last
 * time: of several protocols that say yes it is the one that would have at the earliest octet, however they were cut.
 * null = datagrams, which come whole: the first in order.
 */
export function probe(
  parsers: readonly Parser<unknown>[],
  heads: Heads,
  ended: Ended,
  grown: Dir | null,
): ProbeAnswer {
  let open = 0
  let greets: string | null = null
  let threw = false
  const sure: Parser<unknown>[] = []
  for (const parser of candidates(parsers, heads)) {
    try {
      const answer = parser.probe(heads, ended)
      if (answer === 'yes') {
        if (grown === null) return { kind: 'yes', parser }
        sure.push(parser)
        continue
      }
      if (answer === 'no' || !withinLimits(parser, heads, ended)) continue
      open++
      if (answer === 'greeting') greets = parser.app
    } catch {
      threw = true
    }
  }
  const [first] = sure
  if (grown !== null && first !== undefined)
    return { kind: 'yes', parser: earliest(first, sure, heads, grown) }
  if (open === 0) return { kind: 'none', threw }
  return { kind: 'more', threw, greets: open === 1 ? greets : null }
}

const NEITHER: Ended = { orig: false, reply: false }

/** Of those at the same octet the first. */
function earliest(
  first: Parser<unknown>,
  sure: Parsers,
  heads: Heads,
  grown: Dir,
): Parser<unknown> {
  if (sure.length === 1) return first
  let found = first
  let octets = heads[grown].length + 1
  for (const parser of sure) {
    const needed = sureAt(parser, heads, grown, octets - 1)
    if (needed < octets) [found, octets] = [parser, needed]
  }
  return found
}

/** Of how many octets on it says yes, by bisection; more than `atMost` = not of so few. */
function sureAt(parser: Parser<unknown>, heads: Heads, grown: Dir, atMost: number): number {
  let [low, high] = [1, atMost + 1]
  while (low < high) {
    const octets = (low + high) >>> 1
    const head = { ...heads, [grown]: heads[grown].subarray(0, octets) }
    if (parser.probe(head, NEITHER) === 'yes') high = octets
    else low = octets + 1
  }
  return low
}

/** Whether a parser that asks for more may still get it. */
function withinLimits(parser: Parser<unknown>, heads: Heads, ended: Ended): boolean {
  const { probeOctets, windowOctets } = parser.limits
  const spent = (dir: Dir) => ended[dir] || heads[dir].length >= probeOctets
  if (spent('orig') && spent('reply')) return false
  return heads.orig.length <= windowOctets && heads.reply.length <= windowOctets
}
