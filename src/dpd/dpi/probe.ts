import type { Dir, Parser } from '../../core/inspect/contract.js'

export type Heads = Readonly<Record<Dir, Uint8Array>>
export type Ended = Readonly<Record<Dir, boolean>>

/** The parser whose protocol this is, or whether asking again makes sense. */
export type ProbeAnswer =
  | { readonly kind: 'yes'; readonly parser: Parser<unknown> }
  | { readonly kind: 'more' | 'none'; readonly threw: boolean }

/** Never looks at ports: what the octets are decides. */
export function probe(
  parsers: readonly Parser<unknown>[],
  heads: Heads,
  ended: Ended,
): ProbeAnswer {
  let more = false
  let threw = false
  for (const parser of parsers) {
    try {
      const answer = parser.probe(heads, ended)
      if (answer === 'yes') return { kind: 'yes', parser }
      more ||= answer === 'more' && withinLimits(parser, heads, ended)
    } catch {
      threw = true
    }
  }
  return { kind: more ? 'more' : 'none', threw }
}

/** Whether a parser that asks for more may still get it. */
function withinLimits(parser: Parser<unknown>, heads: Heads, ended: Ended): boolean {
  const { probeOctets, windowOctets } = parser.limits
  const spent = (dir: Dir) => ended[dir] || heads[dir].length >= probeOctets
  if (spent('orig') && spent('reply')) return false
  return heads.orig.length <= windowOctets && heads.reply.length <= windowOctets
}
