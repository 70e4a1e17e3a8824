import t from 'tap'
import { estimate, median, quantile, ratios } from '../../bench/statistics.js'

t.test('quantiles between ranks', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(quantile([10, 20, 30, 40, 50], 0.9), 46)
  t.ok(Number.isNaN(median([])))
})

t.test('the interval is the narrowest pair of order statistics that reaches 90 %', async (t) => {
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1)
  // Binomial tails, by hand: 1 - 2/2^5; 1 - 2 (1 + 8)/2^8; 1 - 2 (1 + 20 + 190 + 1140 + 4845)/2^20.
  const cases = [
    { n: 5, low: 1, high: 5, confidence: 0.9375 },
    { n: 8, low: 2, high: 7, confidence: 1 - 18 / 256 },
    { n: 20, low: 6, high: 15, confidence: 1 - (2 * 21_700) / 2 ** 20 },
  ]
  for (const { n, low, high, confidence } of cases) {
    const reached = estimate(upTo(n).reverse())
    t.match(reached, { low, high, samples: n }, `${n} samples`)
    t.ok(Math.abs(reached.confidence - confidence) < 1e-12, `${n}: ${reached.confidence}`)
  }
})

t.test('too few samples say so', async (t) => {
  t.same(estimate([7]), { median: 7, low: 7, high: 7, confidence: 0, samples: 1 })
  t.match(estimate([7, 9]), { low: 7, high: 9, confidence: 0.5 })
})

t.test('ratios pair rounds, and a failed round has none', async (t) => {
  t.same(ratios([1, null, 3, 4], [2, 2, null, 8]), [0.5, 0.5])
  t.same(ratios([1], [0]), [])
})
