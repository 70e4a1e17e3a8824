import t from 'tap'
import { Turnstile } from '../../src/dpd/ruled/turnstile.js'

t.test('so many at once, in the order that they came, whatever one throws', async (t) => {
  const turnstile = new Turnstile(2)
  const log: number[] = []
  let inside = 0
  const work = (n: number) => async (): Promise<void> => {
    log.push(n)
    t.ok(++inside <= 2)
    await new Promise((resolve) => setImmediate(resolve))
    inside--
    if (n === 1) throw new Error('fails')
  }
  await Promise.allSettled([0, 1, 2, 3, 4].map((n) => turnstile.through(work(n))))
  t.same(log, [0, 1, 2, 3, 4])
})
