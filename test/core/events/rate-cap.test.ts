import t from 'tap'
import { openRateCap, take } from '../../../src/core/events/rate-cap.js'

t.test('a burst, then the rate', async (t) => {
  let cap = openRateCap(10, 2, 1000)
  const takeAt = (nowMs: number): boolean => {
    const taking = take(cap, nowMs)
    cap = taking.cap
    return taking.taken
  }
  t.same([1000, 1000, 1000].map(takeAt), [true, true, false])
  t.equal(takeAt(1099), false)
  t.equal(takeAt(1100), true)
  t.equal(takeAt(500), false, 'a clock that goes back adds nothing')
  t.same([5000, 5000, 5000].map(takeAt), [true, true, false], 'no more than the burst is saved')
})
