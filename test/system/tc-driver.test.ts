// The tc driver in real namespaces. Needs act_pedit and act_gact, which a stock kernel has.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import type { EndpointRecord } from '../../src/core/endpoint.js'
import { instanceOf, VBR_IFINDEX } from '../../src/core/instance.js'
import { decodeFilter, dumpFilters, replaceFilter } from '../../src/core/netlink/filter.js'
import {
  type DecodedU32Node,
  decodeU32Counts,
  decodeU32Node,
  u32Filter,
  u32Handle,
} from '../../src/core/netlink/u32.js'
import { os } from '../../src/intercept/addon.js'
import { probeActions } from '../../src/intercept/preflight/tc.js'
import { apply, dump } from '../../src/intercept/rtnetlink.js'
import { TcDriver } from '../../src/intercept/tc/driver.js'
import { endpointRules } from '../../src/intercept/tc/endpoint-rules.js'
import { heartbeatPath, readStamps } from '../../src/intercept/tc/heartbeat-file.js'
import { inForce } from '../../src/intercept/tc/in-force.js'
import { TABLES } from '../../src/intercept/tc/vbr-rules.js'
import { runWatchdog } from '../../src/intercept/tc/watchdog.js'
import { testNetns, uniqueName } from '../netns.js'
import { bigFlows } from './pipe/big-flows.js'
import { pipeScenario, SCENARIO_TIMEOUT_MS } from './pipe/scenario.js'
import { HOST, makeTopology, type Topology } from './pipe/topology.js'
import { type Running, Traffic } from './pipe/traffic.js'

t.setTimeout(SCENARIO_TIMEOUT_MS)
const HEARTBEAT_OCTETS = 8 * 64
const NETLINK_ROUTE = 0
const ENDPOINT_TABLES: readonly number[] = [TABLES.toPod, TABLES.fromPod, TABLES.byScratch]

/** '' = all actions are there. */
function missingActions(): string {
  let missing = ''
  t.test('actions of this kernel', (t) => {
    const fd = os.netlinkOpen(testNetns(t).fd, NETLINK_ROUTE)
    missing = probeActions(os, fd).join(', ')
    os.close(fd)
    t.end()
  })
  return missing
}

const missing = missingActions()
t.test('tc driver', { skip: missing === '' ? false : `this kernel has no ${missing}` }, (t) =>
  pipeScenario(t, (t, { enforcer, record }, traffic) => {
    const instance = instanceOf(uniqueName('vd-test-'))
    const path = heartbeatPath(instance)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, new Uint8Array(HEARTBEAT_OCTETS))
    const driver = new TcDriver(os)
    let stamping: Running | undefined
    const ended = new AbortController()
    const watchdog = runWatchdog(
      {
        driver,
        enforcer,
        stamps: () => readStamps(path),
        nowNs: () => process.hrtime.bigint(),
        endpoints: () => [record],
        log: (message) => t.comment(message),
      },
      ended.signal,
    )
    t.teardown(async () => {
      ended.abort()
      await watchdog
      rmSync(instance.runDir, { recursive: true })
    })
    // From another process: this one's event loop may rest longer than a stamp lives, when emulated.
    const beat = async (isAlive: boolean) => {
      await stamping?.stop()
      stamping = isAlive ? await traffic.stamp(path) : undefined
    }
    return { driver, heartbeat: { beat } }
  }),
)

/** Of 256 buckets, this many are in use; what the others cost is the same for any number of them. */
const OTHERS = 100
const OWN = 42
const NODES_OF_ENDPOINT = 8
const FRAMES = 200
/** On the way to the bucket: five nodes of the root towards the pod, two from it. */
const ROOT_NODES = 5
/** The first of the own bucket matches; the neighbour in it comes behind. */
const BUCKET_NODES = 1

interface Walk {
  readonly node: DecodedU32Node
  readonly walked: number
}

function walks(fd: number): Walk[] {
  return dump(os, fd, dumpFilters(VBR_IFINDEX)).flatMap((message) => {
    const filter = decodeFilter(message)
    const node = filter && decodeU32Node(filter)
    const counts = filter && decodeU32Counts(filter)
    return node && counts ? [{ node, walked: counts.walked }] : []
  })
}

/** As ADD would, without the devices of all these pods: theirs are the one pod's. */
function installOthers(fd: number, record: EndpointRecord, ids: readonly number[]): void {
  const state = inForce({ path: 'inline', failure: 'open' })
  const nodes = ids.flatMap((id) => endpointRules({ ...record, id }, state).vbr)
  const device = { ifindex: VBR_IFINDEX, priority: 1 }
  apply(
    os,
    fd,
    nodes.map((node) => replaceFilter(u32Filter(device, node))),
  )
}

async function walk(t: Test, { enforcer, record, enforcerNetns, host, pod }: Topology) {
  const traffic = new Traffic(t)
  const driver = new TcDriver(os)
  driver.ensureShared(enforcer)
  driver.ensure(enforcer, record, { path: 'inline', failure: 'open' })
  const neighbour = OWN + 256
  const others = Array.from({ length: OTHERS }, (_, at) => OWN + 1 + at)
  installOthers(enforcer.netlinkFd, record, [neighbour, ...others])
  const echo = await traffic.echo({ netns: enforcerNetns, ifName: 'vth-neuv' })
  await traffic.serve(host, [HOST.v4])
  // Neighbours are found: what follows is datagrams and their answers.
  await traffic.udp(pod, HOST.v4, { datagrams: 1, intervalMicros: 0, patienceMs: 10_000 })
  const before = new Map(walks(enforcer.netlinkFd).map((w) => [u32Handle(w.node), w.walked]))
  const flow = { datagrams: FRAMES / 2, intervalMicros: 500, patienceMs: 10_000 }
  t.match(await traffic.udp(pod, HOST.v4, flow), { lost: 0 })
  await echo.stop()
  const after = walks(enforcer.netlinkFd).map(({ node, walked }) => ({
    node,
    walked: walked - (before.get(u32Handle(node)) ?? 0),
  }))
  const isShared = ({ table }: DecodedU32Node) => !ENDPOINT_TABLES.includes(table)
  const elsewhere = after.filter(({ node }) => !isShared(node) && node.bucket !== OWN)
  t.equal(elsewhere.length, OTHERS * NODES_OF_ENDPOINT, 'nodes in other buckets')
  t.equal(Math.max(...elsewhere.map(({ walked }) => walked)), 0, 'no frame comes to any of them')
  const looks = after.reduce((sum, { walked }) => sum + walked, 0)
  const perFrame = looks / FRAMES
  t.comment(`${perFrame} nodes for a frame, of ${after.length}`)
  t.ok(perFrame >= 3, 'each frame is counted')
  // ARP and the like, a few frames beside the datagrams, are allowed for by one node a frame.
  t.ok(perFrame <= ROOT_NODES + BUCKET_NODES + 1, `${perFrame} nodes for a frame`)
}

t.test('u32', { skip: missing === '' ? false : `this kernel has no ${missing}` }, async (t) => {
  const topology = makeTopology(t, OWN)
  await t.test('a frame meets the nodes of its own bucket only', (t) => walk(t, topology))
  await t.test('big flows leave the engine', (t) => bigFlows(t, topology))
})
