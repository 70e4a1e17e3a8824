import t from 'tap'
import { compareSpecificity, matchGlob, parseGlob } from '../../../src/core/policy/glob.js'

const CASES: readonly (readonly [string, string, boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['a', 'a', true],
  ['a', 'ab', false],
  ['*', '', true],
  ['*', 'anything', true],
  ['a*', 'a', true],
  ['a*', 'ba', false],
  ['*a', 'ba', true],
  ['*a', 'ab', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['ab*ba', 'aba', false],
  ['*b*', 'abc', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'a-c', false],
  ['a*bc*c', 'abc', false],
  ['**', 'x', true],
  ['a.c', 'abc', false],
  ['a+', 'aa', false],
  ['[a]', 'a', false],
]
for (const [pattern, text, matches] of CASES) {
  t.test(
    `${pattern || '(empty)'} ${matches ? 'matches' : 'does not match'} ${text || '(empty)'}`,
    async (t) => {
      t.equal(matchGlob(parseGlob(pattern), text), matches)
    },
  )
}

t.test('a pattern of many stars takes no exponential time', async (t) => {
  const glob = parseGlob(`${'*a'.repeat(40)}*b`)
  t.equal(matchGlob(glob, 'a'.repeat(20_000)), false)
})

t.test('no star before a star, then the longer literal', async (t) => {
  const sorted = ['*', 'web-*', 'a', 'web-admin-*', 'web'].sort(compareSpecificity)
  t.same(sorted, ['web', 'a', 'web-admin-*', 'web-*', '*'])
})
