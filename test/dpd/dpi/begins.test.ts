/** What a parser declares to begin with leaves out nothing that its probe would have. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Dir, Parser } from '../../../src/core/inspect/contract.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import { root } from '../../root.js'
import { readCases } from './cases.js'

type Heads = Readonly<Record<Dir, Uint8Array>>

const NO_OCTETS = new Uint8Array(0)
const cases = readdirSync(join(root, 'test/fixtures/dpi/cases')).flatMap((file) =>
  file.endsWith('.md') && file !== 'README.md' ? readCases(file) : [],
)

/** The first of each direction in every case. */
const heads: readonly Heads[] = cases.map(({ sends }) => {
  const first = (of: Dir) => sends.find(({ dir }) => dir === of)?.octets ?? NO_OCTETS
  return { orig: first('orig'), reply: first('reply') }
})

function beginningWith(octets: Uint8Array, first: number, length: number): Uint8Array {
  const copy = octets.slice(0, length)
  copy[0] = first
  return copy
}

/** First octets that it would have been asked about. */
function leftOut(parser: Parser<unknown>, { orig, reply }: Heads): number[] {
  const dir = orig.length > 0 ? 'orig' : 'reply'
  const octets = dir === 'orig' ? orig : reply
  const declared = parser.begins?.[dir]
  if (declared === undefined || octets.length === 0) return []
  const others = Array.from({ length: 256 }, (_, octet) => octet).filter(
    (octet) => !declared.has(octet),
  )
  return others.filter((octet) =>
    [1, 4, octets.length].some((length) => {
      const begun = beginningWith(octets, octet, length)
      const both = dir === 'orig' ? { orig: begun, reply } : { orig: NO_OCTETS, reply: begun }
      const ended = { orig: false, reply: false }
      return [both, { ...both, reply: dir === 'orig' ? NO_OCTETS : begun }].some(
        (each) => parser.probe(each, ended) !== 'no',
      )
    }),
  )
}

for (const parser of registry) {
  if (parser.begins === undefined) continue
  t.test(`${parser.app}: with another first octet its probe says no`, async (t) => {
    // Of other protocols a few: they differ in more than the first octet.
    const own = heads.filter((_, at) => cases[at]?.app === parser.app)
    const others = heads.filter((_, at) => at % 50 === 0)
    for (const each of [...own.slice(0, 60), ...others]) t.same(leftOut(parser, each), [])
    for (const each of others) t.same(leftOut(parser, { orig: NO_OCTETS, reply: each.reply }), [])
  })
}
