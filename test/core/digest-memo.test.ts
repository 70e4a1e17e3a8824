import t from 'tap'
import { remembering } from '../../src/core/digest-memo.js'

t.test('the same text is digested once, until too many are known', async (t) => {
  const digested: string[] = []
  const length = remembering((text) => {
    digested.push(text)
    return text.length
  })
  t.same([length('a'), length('bb'), length('a')], [1, 2, 1])
  t.same(digested, ['a', 'bb'])
  const long = 'x'.repeat(1 << 20)
  t.equal(length(long), 1 << 20)
  t.same([length('a'), length('ccc'), length('a'), length('a')], [1, 3, 1, 1])
  t.same(digested, ['a', 'bb', long, 'ccc', 'a'])
})
