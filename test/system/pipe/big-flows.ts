/** Big flows under the `tc` driver leave the engine: counted, ended, recalled, few. */
import type { Test } from 'tap'
import { linksOf } from '../../../src/core/endpoint.js'
import type { EngineEvent } from '../../../src/core/inspect/contract.js'
import { VTH_NAME } from '../../../src/core/instance.js'
import type { U32Node } from '../../../src/core/netlink/u32.js'
import { BigFlows } from '../../../src/dpd/big-flows.js'
import type { Endpoint } from '../../../src/dpd/endpoints.js'

import { os } from '../../../src/intercept/addon.js'
import { readDevices } from '../../../src/intercept/devices.js'
import type { PathSetting } from '../../../src/intercept/driver.js'
import { apply } from '../../../src/intercept/rtnetlink.js'
import { CarriedFlows } from '../../../src/intercept/tc/carried-flows.js'
import {
  type CarriedFlow,
  carriedNodes,
  isInTables,
  SLOTS,
} from '../../../src/intercept/tc/carried-nodes.js'
import { dumpNodes, replaceNodes } from '../../../src/intercept/tc/classifier.js'
import { TcDriver } from '../../../src/intercept/tc/driver.js'
import { until } from '../../process.js'
import { ShardEngine } from '../shard-engine.js'
import { Stream } from './stream.js'
import { HOST, POD, type Topology } from './topology.js'

const MIB = 2 ** 20
const CARRIED_OCTETS = 32 * MIB
const INLINE: PathSetting = { path: 'inline', failure: 'open' }

/** Pod and host with a real engine between them; `big` as dpd has it. */
function bench(t: Test, { enforcer, record, enforcerNetns, host, pod }: Topology) {
  const driver = new TcDriver(os)
  const carried = new CarriedFlows(os)
  const endpoint = { record: { ...record, driver: 'tc' }, epoch: 1 } as Endpoint
  const engine = new ShardEngine({
    ...{ netnsFd: enforcerNetns.fd, ifName: VTH_NAME, key: new Uint8Array(16), flowMapFd: null },
    heartbeat: { slot: 0, mapFd: null, file: null },
  })
  t.teardown(() => engine.stop())
  const big = new BigFlows({
    ...{ carried, enforcer, endpoints: { all: () => [endpoint] } },
    send: (commands) => engine.send(commands),
    nowMs: () => performance.now(),
    warn: (message) => t.fail(message),
  })
  /** No policy: what a judge would say. */
  const judge = (flow: number, verdict: 'allow' | 'deny') =>
    engine.send([{ cmd: 'settle', flow, verdict, generation: 0, rule: 16 }])
  const events: EngineEvent[] = []
  engine.onEvents((batch) => {
    for (const event of batch) {
      if (event.ev === 'opened') judge(event.flow, 'allow')
      if (event.ev === 'opened' || event.ev === 'closed') events.push(event)
    }
    big.handle(batch)
  })
  /** As Endpoints does: the kernel first. */
  const put = async () => {
    driver.ensure(enforcer, record, INLINE)
    await engine.setEndpoint({
      ...{ id: record.id, path: 'inline', failure: 'open', strict: false, deliverAll: false },
      ...{ identifies: false, own: null, dhcpServers: [], epoch: endpoint.epoch },
    })
  }
  return { big, carried, driver, endpoint, enforcer, engine, events, host, judge, pod, put, record }
}

/** `topology` has no filters on its devices that matter, and nobody at vth-neuv. */
export async function bigFlows(t: Test, topology: Topology): Promise<void> {
  const all = bench(t, topology)
  const {
    big,
    carried,
    driver,
    endpoint,
    enforcer,
    engine,
    events,
    host,
    judge,
    pod,
    put,
    record,
  } = all
  const drift = () => {
    const devices = readDevices(os, enforcer.netlinkFd)
    return driver.check(enforcer, record, { devices, setting: INLINE })
  }
  const { vinIfindex, vexIfindex } = linksOf(record)
  const nodes = () =>
    [vinIfindex, vexIfindex].flatMap((ifindex) =>
      dumpNodes(os, enforcer, ifindex).filter(isInTables),
    )
  const install = (added: readonly U32Node[]) =>
    apply(os, enforcer.netlinkFd, replaceNodes(vinIfindex, added))
  const moved = async (octets: number) => {
    await until(`${octets} octets carried`, () => {
      big.look()
      return big.counts().octets >= octets
    })
  }
  driver.ensureShared(enforcer)
  await put()
  engine.start()
  await Promise.all([Stream.serve(t, host, HOST.v4), Stream.serve(t, pod, POD.v6)])
  const loads = [Stream.flow(t, pod, HOST.v4), Stream.flow(t, host, POD.v6)]

  await t.test('leave the engine', async (t) => {
    await until('both are carried', () => big.counts().live === 2)
    await moved(MIB)
    const before = engine.counters()
    const startMs = performance.now()
    const start = big.counts().octets
    await moved(start + CARRIED_OCTETS)
    const seen = (engine.counters().frames ?? 0) - (before.frames ?? 0)
    const mibs = (big.counts().octets - start) / MIB
    t.comment(
      `${mibs.toFixed(0)} MiB in ${(performance.now() - startMs).toFixed(0)} ms, ${seen} frames in the engine`,
    )
    t.ok(seen < 50, `${seen} frames came up`)
    t.same(drift(), [], 'no drift')
    t.equal(nodes().length, 4)
    const redirect = { kind: 'mirred', eaction: 'redirect', ifindex: vexIfindex } as const
    const any = { offset: 0, mask: 0, value: 0 }
    install([{ table: 1, bucket: 0, node: 60, matches: [any], actions: [redirect] }])
    t.match(drift(), [{ subject: /foreign filter on vin/ }], 'what carries more is foreign')
    driver.repair(enforcer, record, INLINE)
    t.same(drift(), [])
    await until('carried again', () => nodes().length === 4)
  })

  await t.test('their end is noticed, with what was missed', async (t) => {
    const [load] = loads
    load?.stop()
    t.equal(await load?.said(), '0', 'all octets arrived')
    await until('one is left', () => nodes().length === 2)
    const closed = events.find((event) => event.ev === 'closed')
    t.match(closed, { how: 'fin' })
    if (closed?.ev !== 'closed') return
    t.ok(closed.counts.octets.orig > CARRIED_OCTETS / 2, `${closed.counts.octets.orig} octets`)
  })

  await t.test('other verdicts recall them', async (t) => {
    endpoint.epoch = 2
    driver.setPath(enforcer, record, INLINE)
    t.equal(nodes().length, 0)
    const before = engine.counters().frames ?? 0
    await until('they come up', () => (engine.counters().frames ?? 0) > before + 100)
    t.equal(nodes().length, 0, 'told under the verdicts before, they are not carried')
    await put()
    for (const event of events) if (event.ev === 'opened') judge(event.flow, 'deny')
    t.match(await loads[1]?.said(), /Connection(Reset|Aborted)Error|BrokenPipeError/)
    big.look()
    t.equal(big.counts().live, 0)
    t.equal(nodes().length, 0)
  })

  await t.test('the kernel has few', (t) => {
    const flow = (podPort: number): CarriedFlow => ({
      ...{ pod: Uint8Array.of(10, 77, 0, 1), peer: Uint8Array.of(10, 77, 0, 2) },
      ...{ podPort, peerPort: 443, opener: 'pod' },
    })
    const carry = (podPort: number) => carried.carry(enforcer, record, flow(podPort))
    t.equal(carry(1000), 1)
    // The others at once, on one device.
    const others = Array.from({ length: SLOTS - 1 }, (_, at) => at + 2)
    install(others.map((slot) => carriedNodes(record, flow(1000 + slot), slot, 'vin').flow))
    t.equal(carry(999), null, 'and no more')
    t.same(drift(), [])
    carried.release(enforcer, record, new Set([7, 9]))
    t.equal(carried.counts(enforcer, record).size, SLOTS - 2)
    t.ok(driver.setStale(enforcer, record, true))
    t.equal(carried.counts(enforcer, record).size, SLOTS - 2, 'what was decided outlives the judge')
    t.equal(carry(998), null, 'nothing new is decided')
    driver.setStale(enforcer, record, false)
    t.equal(carry(998), 7)
    driver.remove(enforcer, record)
    t.equal(nodes().length, 0)
    t.end()
  })
}
