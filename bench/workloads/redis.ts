/** redis-benchmark's own tests, 50 clients, no pipelining. */
import type { Link } from '../bed.js'
import { REDIS_TESTS, redisRow } from '../goals.js'
import { PORTS } from '../paths.js'
import type { Figures, PathWorkload } from './workload.js'

/** `"SET","81300.81",…` under a line of names. */
function ratesOf(csv: string): ReadonlyMap<string, number> {
  const lines = csv
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '')))
  return new Map(lines.map(([test = '', rate = '']) => [test, Number(rate)]))
}

async function measure({ client, server }: Link, requests: number): Promise<Figures> {
  const tests = REDIS_TESTS.map((test) => test.toLowerCase()).join(',')
  const to = ['-h', server.ip4, '-p', String(PORTS.redis)]
  const { stdout, stderr } = await client.exec(
    'redis-benchmark',
    [...to, '-t', tests, '-n', String(requests), '--csv'],
    { timeoutMs: 180_000 },
  )
  const rates = ratesOf(stdout)
  const figures = REDIS_TESTS.map((test) => {
    const rate = rates.get(test) ?? Number.NaN
    if (!(rate > 0)) throw new Error(`redis-benchmark ${test}: ${stderr || stdout}`)
    return [redisRow(test), rate / 1000] as const
  })
  return Object.fromEntries(figures)
}

export const redis: PathWorkload = {
  name: 'redis',
  about: 'redis-benchmark: eight tests, 50 clients',
  servers: ['redis'],
  paths: ['plain', 'nft', 'tap', 'inline', 'inline-content', 'nfqueue'],
  metrics: REDIS_TESTS.map((test) => ({
    name: redisRow(test),
    unit: 'thousand/s',
    better: 'more',
    base: 'plain',
  })),
  measure: (link, { redisRequests }) => measure(link, redisRequests),
}
