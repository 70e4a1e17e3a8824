/** What every pipe driver must do with real frames: the same for `bpf` and `tc`, on any kernel. */
import type { Test } from 'tap'
import type { EndpointPath } from '../../../src/core/endpoint.js'
import { os } from '../../../src/intercept/addon.js'
import { readDevices } from '../../../src/intercept/devices.js'
import type { Drift, PipeDriver } from '../../../src/intercept/driver.js'
import { until } from '../../process.js'
import { addressScenarios } from './addresses.js'
import { type Heartbeat, type Piped, rises } from './piped.js'
import { HOST, makeTopology, type Topology } from './topology.js'
import { type Running, Traffic } from './traffic.js'

const FAMILIES = ['v4', 'v6'] as const
/** Generous: the stock kernel runs emulated. */
export const SCENARIO_TIMEOUT_MS = 600_000
const UNTIL_MS = 30_000
/** Short against the flows' length: most changes meet traffic. */
const CHANGE_EVERY_MS = 30
const FLOW = { datagrams: 200, intervalMicros: 500, patienceMs: 10_000 }
const LONG_FLOW = { datagrams: 3000, intervalMicros: 600, patienceMs: 10_000 }
const STREAM_OCTETS = 1_000_000

export type Install = (
  t: Test,
  topology: Topology,
  traffic: Traffic,
) => { driver: PipeDriver; heartbeat: Heartbeat }

/** Runs the whole scenario in a topology of its own. */
export async function pipeScenario(t: Test, install: Install): Promise<void> {
  t.setTimeout(SCENARIO_TIMEOUT_MS)
  const topology = makeTopology(t)
  const traffic = new Traffic(t)
  const { driver, heartbeat } = install(t, topology, traffic)
  const { enforcer, record } = topology
  const piped: Piped = {
    ...topology,
    driver,
    heartbeat,
    traffic,
    set: (path, failure = 'open') => driver.setPath(enforcer, record, { path, failure }),
  }
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  await heartbeat.beat(true)
  await traffic.serve(topology.host, [HOST.v4, HOST.v6])
  const echo = () => traffic.echo({ netns: topology.enforcerNetns, ifName: 'vth-neuv' })

  await t.test('ensure is idempotent', (t) => ensureTwice(t, piped))
  await t.test('direct', (t) => passes(t, piped, 'direct'))
  const judge = await echo()
  await t.test('tap: the original goes on, what comes back is dropped', (t) =>
    passes(t, piped, 'tap'),
  )
  await t.test('inline', (t) => passes(t, piped, 'inline'))
  await t.test('quarantine', (t) => quarantine(t, piped))
  await addressScenarios(t, piped)
  await t.test('changes of path lose nothing', (t) => changePaths(t, piped, judge))
  await t.test('inline: nothing passes by the judge', (t) => judgeAlone(t, piped, judge))
  await t.test('a dead judge: open goes direct, closed drops', (t) => deadJudge(t, piped, echo))
  await t.test('remove is idempotent', (t) => removeTwice(t, piped))
}

/** Of the endpoint and of what all share. */
function driftIn({ driver, enforcer, record }: Piped): Drift[] {
  const devices = readDevices(os, enforcer.netlinkFd)
  const shared = driver.checkShared(enforcer, { devices, records: [record] })
  return [...shared, ...driver.check(enforcer, record, { devices })]
}

function ensureTwice(t: Test, piped: Piped): void {
  const { driver, enforcer, record } = piped
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  t.same(driftIn(piped), [])
  t.end()
}

async function passes(t: Test, piped: Piped, path: EndpointPath): Promise<void> {
  const { driver, enforcer, record, pod, traffic } = piped
  piped.set(path)
  t.equal(driver.readPath(enforcer, record), path)
  t.same(driftIn(piped), [])
  for (const family of FAMILIES) {
    const count = await traffic.udp(pod, HOST[family], FLOW)
    t.same(count, { sent: 200, lost: 0, duplicates: 0 }, `${family}: each datagram once`)
    for (const direction of ['give', 'take'] as const) {
      const octets = await traffic.tcp(pod, HOST[family], STREAM_OCTETS, direction)
      t.equal(octets, STREAM_OCTETS, `${family}: TCP octets, ${direction}`)
    }
  }
}

/** Of ten datagrams, where all or none are to come back. */
async function lost({ traffic, pod }: Piped, family: (typeof FAMILIES)[number]): Promise<number> {
  const few = { datagrams: 10, intervalMicros: 500, patienceMs: 1000 }
  return (await traffic.udp(pod, HOST[family], few)).lost
}

async function quarantine(t: Test, piped: Piped): Promise<void> {
  piped.set('quarantine')
  t.equal(piped.driver.readPath(piped.enforcer, piped.record), 'quarantine')
  await rises(t, piped, 'quarantine', 20, async () => {
    for (const family of FAMILIES) {
      t.equal(await lost(piped, family), 10, `${family}: all dropped`)
    }
  })
  piped.set('direct')
}

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
const TOURS = 5

async function changePaths(t: Test, piped: Piped, judge: Running): Promise<void> {
  const flows = FAMILIES.map((f) => piped.traffic.udp(piped.pod, HOST[f], LONG_FLOW))
  for (const path of Array.from({ length: TOURS }, () => TOUR).flat()) {
    // From inline to tap only through direct, when the engine has drained (design §2, "Anti-loop").
    if (path === 'tap') await judge.drain()
    piped.set(path)
    await new Promise((resolve) => setTimeout(resolve, CHANGE_EVERY_MS))
  }
  // Unlike the engine, the echo sends a tap's copies back: those that meet the next path are duplicates.
  for (const { sent, lost } of await Promise.all(flows)) {
    t.same({ sent, lost }, { sent: LONG_FLOW.datagrams, lost: 0 })
  }
  piped.set('direct')
}

async function judgeAlone(t: Test, piped: Piped, judge: Running): Promise<void> {
  await judge.stop()
  piped.set('inline')
  for (const family of FAMILIES) t.equal(await lost(piped, family), 10, `${family}: all held`)
}

async function deadJudge(t: Test, piped: Piped, echo: () => Promise<Running>): Promise<void> {
  const { heartbeat } = piped
  const untilLost = (what: string, want: number) =>
    until(what, async () => (await lost(piped, 'v4')) === want, UNTIL_MS)
  for (const path of ['inline', 'tap'] as const) {
    piped.set(path, 'open')
    await heartbeat.beat(false)
    await untilLost(`${path} goes direct`, 0)
    t.equal(await lost(piped, 'v6'), 0, `${path}, open: passes`)
    await heartbeat.beat(true)
  }
  piped.set('inline', 'closed')
  await heartbeat.beat(false)
  await rises(t, piped, 'stale_closed', 1, async () => {
    await untilLost('closed drops', 10)
    // Each loss takes longer than the limit of 500 ms: this one meets a stale stamp for sure.
    t.equal(await lost(piped, 'v6'), 10, 'closed: drops')
  })
  await echo()
  await heartbeat.beat(true)
  await untilLost('inline again', 0)
  t.equal(await lost(piped, 'v6'), 0, 'alive again: judged again')
  t.equal(piped.driver.readPath(piped.enforcer, piped.record), 'inline')
}

async function removeTwice(t: Test, piped: Piped): Promise<void> {
  const { driver, enforcer, record } = piped
  driver.remove(enforcer, record)
  driver.remove(enforcer, record)
  t.equal(driver.readPath(enforcer, record), null)
  t.not(driftIn(piped).length, 0, 'check tells what is missing')
  t.equal(await lost(piped, 'v4'), 10, 'nothing forwards')
  driver.ensure(enforcer, record, { path: 'direct', failure: 'open' })
  t.equal(await lost(piped, 'v4'), 0, 'installed again')
}
