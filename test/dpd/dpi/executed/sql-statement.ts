/** Whole statements of SQL from a seed: those that change, define and administer, as templates. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../fuzz/random.js'
import { root } from '../../../root.js'
import { type Server, SqlText } from './sql-text.js'

/** One a line: T table, Q query, L value, N a name of its own. */
const templates = (name: string): readonly string[] =>
  readFileSync(join(root, 'test/fixtures/dpi/statements', `${name}.txt`), 'utf8')
    .trim()
    .split('\n')
const BOTH = templates('both')
const OWN: Readonly<Record<Server, readonly string[]>> = {
  postgresql: templates('postgresql'),
  mysql: templates('mysql'),
}

export function statement(random: Random, server: Server): string {
  const text = new SqlText(random, server)
  const kind = random.below(100)
  if (kind < 35) return text.query(2)
  return filled(text, random.pick(kind < 55 ? BOTH : OWN[server]))
}

function filled(text: SqlText, template: string): string {
  const { random } = text
  const cased =
    random.below(100) < 80 ? template : template.replace(/\b[a-z]+\b/g, upperCased(random))
  return text.words(cased).replace(/\b[TQLN]\b/g, (place) => {
    if (place === 'T') return text.table()
    if (place === 'Q') return text.query(1)
    return place === 'L' ? text.literal() : text.name()
  })
}

const upperCased = (random: Random) => (word: string) =>
  random.below(2) === 0 || word.length < 3 ? word : word.toUpperCase()

const PIECES = [
  "'",
  '"',
  '`',
  '\\',
  '$$',
  '--',
  '/*',
  '*/',
  ';',
  '(',
  ')',
  '#',
  ',',
  '.',
  '\n',
  '\0',
  '\x80',
  '\xbf',
  '\x95',
  'from',
  'E',
  '!',
  '1',
  ' ',
]

/** One octet or piece more, or fewer. */
export function damaged(random: Random, text: string): string {
  const at = random.below(text.length + 1)
  const rest = text.slice(at + random.below(3))
  return text.slice(0, at) + (random.below(3) === 0 ? '' : random.pick(PIECES)) + rest
}
