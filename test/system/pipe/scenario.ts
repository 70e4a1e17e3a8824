/** What every pipe driver must do with real frames: the same for `bpf` and `tc`, on any kernel. */
import type { Test } from 'tap'
import type { EndpointPath } from '../../../src/core/endpoint.js'
import type { PipeDriver } from '../../../src/intercept/driver.js'
import { until } from '../../netns.js'
import { addressScenarios } from './addresses.js'
import { type Heartbeat, type Piped, rises } from './piped.js'
import { HOST, makeTopology, type Topology } from './topology.js'
import { countUdp, type Running, serveFrames, streamTcp } from './traffic.js'

const FAMILIES = ['v4', 'v6'] as const
/** Generous: the stock kernel runs emulated. */
const TIMEOUT_MS = 600_000
const STREAM_OCTETS = 4_000_000

export type Install = (t: Test, topology: Topology) => { driver: PipeDriver; heartbeat: Heartbeat }

/** Runs the whole scenario in a topology of its own. */
export async function pipeScenario(t: Test, install: Install): Promise<void> {
  t.setTimeout(TIMEOUT_MS)
  const topology = makeTopology(t)
  const { driver, heartbeat } = install(t, topology)
  const { enforcer, record } = topology
  const piped: Piped = {
    ...topology,
    driver,
    heartbeat,
    set: (path, failure = 'open') => driver.setPath(enforcer, record, { path, failure }),
  }
  heartbeat.beat(true)
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  const servers = FAMILIES.flatMap((f) => [
    ['udp-echo', HOST[f]],
    ['tcp-serve', HOST[f]],
  ])
  await Promise.all(servers.map((args) => serveFrames(t, topology.host, ...args)))
  const echo = () => serveFrames(t, topology.enforcerNetns, 'echo', 'vth-neuv')

  await t.test('ensure is idempotent', (t) => ensureTwice(t, piped))
  await t.test('direct', (t) => passes(t, piped, 'direct'))
  const judge = await echo()
  await t.test('tap: the original goes on, what comes back is dropped', (t) =>
    passes(t, piped, 'tap'),
  )
  await t.test('inline', (t) => passes(t, piped, 'inline'))
  await t.test('quarantine', (t) => quarantine(t, piped))
  await addressScenarios(t, piped)
  await t.test('changes of path lose nothing', (t) => changePaths(t, piped))
  await t.test('inline: nothing passes by the judge', (t) => judgeAlone(t, piped, judge))
  await t.test('a dead judge: open goes direct, closed drops', (t) => deadJudge(t, piped, echo))
  await t.test('remove is idempotent', (t) => removeTwice(t, piped))
}

function ensureTwice(t: Test, { driver, enforcer, record }: Piped): void {
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  t.same(driver.check(enforcer, record), [])
  t.end()
}

async function passes(t: Test, piped: Piped, path: EndpointPath): Promise<void> {
  const { driver, enforcer, record, pod } = piped
  piped.set(path)
  t.equal(driver.readPath(enforcer, record), path)
  t.same(driver.check(enforcer, record), [])
  for (const family of FAMILIES) {
    const count = await countUdp(pod, HOST[family], 200, 500)
    t.same(count, { sent: 200, lost: 0, duplicates: 0 }, `${family}: each datagram once`)
    for (const towards of ['server', 'client'] as const) {
      const octets = await streamTcp(pod, HOST[family], STREAM_OCTETS, towards)
      t.equal(octets, STREAM_OCTETS, `${family}: TCP octets towards the ${towards}`)
    }
  }
}

async function quarantine(t: Test, piped: Piped): Promise<void> {
  piped.set('quarantine')
  t.equal(piped.driver.readPath(piped.enforcer, piped.record), 'quarantine')
  await rises(t, piped, 'quarantine', 20, async () => {
    for (const family of FAMILIES) {
      t.equal((await countUdp(piped.pod, HOST[family], 10, 500)).lost, 10, `${family}: all dropped`)
    }
  })
  piped.set('direct')
}

/** inline goes to tap through direct: dpd drains its engine in between (design §2, "Anti-loop"). */
const TOUR = [
  'inline',
  'direct',
  'tap',
  'inline',
  'direct',
  'inline',
  'direct',
  'tap',
  'direct',
] as const

async function changePaths(t: Test, piped: Piped): Promise<void> {
  const flows = Promise.all(FAMILIES.map((f) => countUdp(piped.pod, HOST[f], 3000, 600)))
  let changes = 0
  const timer = setInterval(() => piped.set(TOUR[changes++ % TOUR.length] ?? 'direct'), 40)
  const counts = await flows
  clearInterval(timer)
  t.ok(changes > 20, `${changes} changes`)
  // Unlike the engine, the echo sends a tap's copies back: those that meet the next path are duplicates.
  for (const { sent, lost } of counts) t.same({ sent, lost }, { sent: 3000, lost: 0 })
  piped.set('direct')
}

async function judgeAlone(t: Test, piped: Piped, judge: Running): Promise<void> {
  judge.child.kill('SIGKILL')
  await judge.done
  piped.set('inline')
  for (const family of FAMILIES) {
    t.equal((await countUdp(piped.pod, HOST[family], 10, 500)).lost, 10, `${family}: all held`)
  }
}

async function deadJudge(t: Test, piped: Piped, echo: () => Promise<Running>): Promise<void> {
  const { pod, heartbeat } = piped
  const lost = async (to: string) => (await countUdp(pod, to, 10, 500)).lost
  for (const path of ['inline', 'tap'] as const) {
    piped.set(path, 'open')
    heartbeat.beat(false)
    await until(`${path} goes direct`, async () => (await lost(HOST.v4)) === 0)
    t.equal(await lost(HOST.v6), 0, `${path}, open: passes`)
    heartbeat.beat(true)
  }
  piped.set('inline', 'closed')
  heartbeat.beat(false)
  await rises(t, piped, 'stale_closed', 1, async () => {
    // Longer than the limit of 500 ms: the drops that follow are the dead judge's.
    await until('closed drops', async () => (await lost(HOST.v4)) === 10)
    await lost(HOST.v4)
    t.equal(await lost(HOST.v6), 10, 'closed: drops')
  })
  await echo()
  heartbeat.beat(true)
  await until('inline again', async () => (await lost(HOST.v4)) === 0)
  t.equal(await lost(HOST.v6), 0, 'alive again: judged again')
  t.equal(piped.driver.readPath(piped.enforcer, piped.record), 'inline')
}

async function removeTwice(t: Test, piped: Piped): Promise<void> {
  const { driver, enforcer, record } = piped
  driver.remove(enforcer, record)
  driver.remove(enforcer, record)
  t.equal(driver.readPath(enforcer, record), null)
  t.not(driver.check(enforcer, record).length, 0, 'check tells what is missing')
  t.equal((await countUdp(piped.pod, HOST.v4, 10, 500)).lost, 10, 'nothing forwards')
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  t.equal((await countUdp(piped.pod, HOST.v4, 10, 500)).lost, 0)
}
