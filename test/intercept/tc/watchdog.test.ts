import t from 'tap'
import type { EndpointRecord } from '../../../src/core/endpoint.js'
import { Watchdog } from '../../../src/intercept/tc/watchdog.js'
import { recordOf } from './record.js'

/** A driver that notes what it is told, and fails for the ids in `broken`. */
function bench(records: readonly EndpointRecord[]) {
  const calls: [id: number, isStale: boolean][] = []
  const broken = new Set<number>()
  const state = { nowNs: 0n, stampNs: 0n }
  const logged: string[] = []
  const watchdog = new Watchdog({
    driver: {
      setStale: (_enforcer, { id }, isStale) => {
        if (broken.has(id)) throw new Error('ENODEV')
        calls.push([id, isStale])
        return true
      },
    },
    enforcer: { netnsFd: -1, netlinkFd: -1 },
    stamps: () => [state.stampNs],
    nowNs: () => state.nowNs,
    endpoints: () => records,
    log: (message) => logged.push(message),
  })
  const tick = (sinceStampMs: number) => {
    state.stampNs = 1_000_000_000n
    state.nowNs = state.stampNs + BigInt(sinceStampMs) * 1_000_000n
    watchdog.tick()
    return calls.splice(0)
  }
  return { tick, broken, logged }
}

t.test('a live judge costs no look at the endpoints', (t) => {
  const { tick, logged } = bench([recordOf(1), recordOf(2)])
  t.same(
    tick(10),
    [
      [1, false],
      [2, false],
    ],
    'once at the start: the last watchdog may have died',
  )
  t.same(tick(110), [])
  t.same(logged, [])
  t.end()
})

t.test('a dead judge is acted on in each tick, and undone once', (t) => {
  const { tick, logged } = bench([recordOf(1)])
  tick(10)
  t.same(tick(600), [[1, true]])
  t.same(tick(700), [[1, true]], 'endpoints that came meanwhile')
  t.same(tick(0), [[1, false]])
  t.same(tick(100), [])
  t.same(logged.length, 2, logged.join('; '))
  t.end()
})

t.test('an endpoint that fails holds up no other, and is tried again', (t) => {
  const { tick, broken, logged } = bench([recordOf(1), recordOf(2)])
  tick(10)
  broken.add(1)
  t.same(tick(600), [[2, true]])
  t.match(logged.at(-1), /endpoint 1 \(default\/pod-1\): Error: ENODEV/)
  t.same(tick(10), [[2, false]])
  broken.clear()
  t.same(tick(20), [
    [1, false],
    [2, false],
  ])
  t.same(tick(30), [])
  t.end()
})
