/** Judging does not wait for the main thread, and decided flows do not wait for the judge. */
import t from 'tap'
import { until } from '../process.js'
import { rules, shardsBench } from './shards-bench.js'

t.setTimeout(180_000)

const bench = await shardsBench(t)
const { shards, engine, heard, log, between, send } = bench

function block(ms: number): { readonly fromMs: number; readonly toMs: number } {
  const fromMs = Date.now()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  return { fromMs, toMs: Date.now() }
}

async function judgedAgain(): Promise<void> {
  const sinceMs = Date.now()
  await until('judged again', () => between('get', sinceMs, Date.now()) > 3)
}

t.test('new flows are judged while the main thread is busy', async (t) => {
  const { fromMs, toMs } = block(1500)
  await until('later news', () => heard.some(({ atMs }) => atMs > toMs))
  const gets = between('get', fromMs, toMs)
  t.ok(gets >= 5, `${gets} new flows were judged meanwhile`)
  t.equal(between('cut', fromMs, toMs), 0)
  const { reports, reportsLost } = await shards.counts()
  t.ok((reports.transactions.get('allow http protect') ?? 0) >= gets)
  t.equal(reportsLost, 0)
  await until('their events', () => bench.lines.length >= gets)
})

t.test('a judge that spins: decided flows go on, it is replaced', async (t) => {
  const fromMs = Date.now()
  send('SPIN')
  await until('replaced', () => shards.replaced === 1)
  const toMs = Date.now()
  t.ok(between('echo', fromMs, toMs) > 20, 'one decided flow, all the time')
  t.match(log, [/^shard 0: its judge ended: .*no progress.*take their failure setting/s])
  await judgedAgain()
  t.ok(between('echo', toMs, Date.now()) > 0)
  await until('held no more', () => heard.some(({ what }) => what === 'closed'))
  t.match(engine.counters(), { hold_time: /^[1-9]/ }, 'what was held took its failure setting')
})

t.test('a judge that dies is replaced and knows what it must', async (t) => {
  const applied = shards.setPolicy(rules(2))
  send('DIES')
  await until('replaced', () => shards.replaced === 2)
  await applied
  await engine.setPolicy(rules(3).l4Block)
  await shards.setPolicy(rules(3))
  await judgedAgain()
  const list = await shards.list({ state: 'all', limit: 100, follow: '0' })
  const last = list.at(-1)
  t.match(last, { namespace: 'shop', pod: 'web-1', decision: { generation: 3 } })
  t.equal((await shards.find(last?.flow ?? 0))?.flow, last?.flow)
  const { reports } = await shards.counts()
  t.ok(reports.opened > list.length, 'counts of those before are kept')
})

t.test('the same fault again and again ends the daemon', async (t) => {
  for (let n = 3; n <= 5; n++) {
    send('DIES')
    await until('replaced', () => shards.replaced === n)
    // A worker that only starts passes over what its predecessor left.
    await judgedAgain()
  }
  send('DIES')
  await until('given up', () => bench.given.length > 0)
  t.match(bench.given, [{ message: /^shard 0: its judge ended/ }])
})
