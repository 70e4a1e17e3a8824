import t from 'tap'
import { openRateCap, take } from '../../../src/core/events/rate-cap.js'

t.test('a burst, then the rate', async (t) => {
  let cap = openRateCap(10, 2, 1000)
  const takeSome = (nowMs: number, wanted: number): number => {
    const taking = take(cap, nowMs, wanted)
    cap = taking.cap
    return taking.taken
  }
  const takeAt = (nowMs: number): boolean => takeSome(nowMs, 1) === 1
  t.same([1000, 1000, 1000].map(takeAt), [true, true, false])
  t.equal(takeAt(1099), false)
  t.equal(takeAt(1100), true)
  t.equal(takeAt(500), false, 'a clock that goes back adds nothing')
  t.same([5000, 5000, 5000].map(takeAt), [true, true, false], 'no more than the burst is saved')
  t.same(
    [takeSome(9000, 1), takeSome(9000, 5), takeSome(9100, 5)],
    [1, 1, 1],
    'as many as there are',
  )
})
