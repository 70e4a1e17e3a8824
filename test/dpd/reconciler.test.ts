import t from 'tap'
import type { EndpointPath, EndpointRecord } from '../../src/core/endpoint.js'
import { Depths } from '../../src/dpd/depth.js'
import { Endpoints } from '../../src/dpd/endpoints.js'
import type { Engine } from '../../src/dpd/engine/engine.js'
import { epochsFrom } from '../../src/dpd/epochs.js'
import type { Pipes } from '../../src/dpd/pipes.js'
import type { PolicyStore } from '../../src/dpd/policy-store.js'
import { Reconciler } from '../../src/dpd/reconciler.js'
import { compiled, ingressPolicy, POD } from './judge/bench.js'
import { RECORD } from './record.js'

/** The kernel and the records directory as two maps. */
function makeWorld() {
  const records = new Map<string, EndpointRecord>()
  const alive = new Set<string>()
  const busy = new Set<string>()
  const kernel = new Map<string, EndpointPath>()
  const log: string[] = []
  const pipes: Pipes = {
    records: () => [...records.values()],
    isRecorded: ({ containerID }) => records.has(containerID),
    recover: () => 0,
    takeNotices: () => 0,
    isBusy: ({ containerID }) => busy.has(containerID),
    isAlive: ({ containerID }) => alive.has(containerID),
    ensure: ({ containerID }, { path }) => void kernel.set(containerID, path),
    setPath: ({ containerID }, { path }) => void kernel.set(containerID, path),
    readPath: ({ containerID }) => kernel.get(containerID) ?? null,
    survey: () => ({ shared: [], touched: null, endpoint: () => [] }),
    mendShared: () => null,
    mend: () => null,
    keep: () => undefined,
    collect: ({ containerID }) => void records.delete(containerID),
    carried: () => null,
    counters: () => ({}),
    refused: () => new Map(),
  }
  const engine = {
    setEndpoint: async () => undefined,
    removeEndpoint: async (id: number) => void log.push(`engine forgets ${id}`),
  } as unknown as Engine
  const judge = { setEndpoints: async () => undefined, removeEndpoint: async () => undefined }
  const ruled = {
    apply: async () => undefined,
    forget: async (id: number) => void log.push(`rules of ${id} forgotten`),
    look: async () => wholeAgain,
  }
  const endpoints = new Endpoints({
    ...{ pipes, engine, ruled, judge, depths: new Depths({}), forwarders: [], dhcpServers: [] },
    ...{ driver: 'bpf', nextEpoch: epochsFrom(0) },
    warn: (m) => log.push(m),
  })
  const policy = {
    inTurn: <T>(work: () => Promise<T>) => work(),
    recompile: async () => {
      log.push('recompiled')
      await endpoints.apply(compiled(ingressPolicy('[]'), 1))
    },
  } as unknown as PolicyStore
  const note = (message: string): void => void log.push(message)
  let wholeAgain = false
  const drift = {
    passes: 0,
    pass: () => {
      log.push('looked for drift')
      return wholeAgain
    },
    makeWhole: () => {
      wholeAgain = true
    },
  }
  const reconciler = new Reconciler({
    ...{ pipes, endpoints, policy, node: { refresh: () => false }, drift, ruled },
    ...{ info: note, warn: note, loopback: { follow: async () => false } },
  })
  return { records, alive, busy, kernel, log, endpoints, policy, drift, reconciler }
}

t.test('at start: living records are adopted, dead ones collected', async (t) => {
  const world = makeWorld()
  world.records.set('c1', RECORD)
  world.records.set('c2', { ...RECORD, containerID: 'c2', id: 8 })
  world.alive.add('c1')
  world.reconciler.adopt()
  t.same(
    world.endpoints.all().map(({ record }) => record.containerID),
    ['c1'],
  )
  t.same([...world.records.keys()], ['c1'])
  t.equal(world.reconciler.collected, 1)
})

t.test('a record that nobody announced is found; one that goes is forgotten', async (t) => {
  const world = makeWorld()
  world.records.set('c1', RECORD)
  world.alive.add('c1')
  world.busy.add('c1')
  await world.reconciler.reconcile()
  t.same(world.endpoints.all(), [], 'an ADD under way is left to its plugin')
  world.busy.clear()
  await world.reconciler.reconcile()
  t.equal(world.kernel.get('c1'), 'inline')
  world.records.clear()
  await world.reconciler.reconcile()
  t.same(world.endpoints.all(), [])
  t.ok(world.log.includes(`engine forgets ${POD}`))
})

t.test('an endpoint that is whole again gets its policy', async (t) => {
  const world = makeWorld()
  await world.reconciler.repair()
  t.same(world.log, ['looked for drift'])
  world.drift.makeWhole()
  await Promise.all([world.reconciler.repair(), world.reconciler.repair()])
  t.same(world.log.slice(1), ['looked for drift', 'recompiled'], 'one pass at a time')
})

t.test('a pod whose rules could be set at last gets its policy', async (t) => {
  const world = makeWorld()
  await world.reconciler.lookAtRules()
  t.same(world.log, [])
  world.drift.makeWhole()
  await Promise.all([world.reconciler.lookAtRules(), world.reconciler.lookAtRules()])
  t.same(world.log, ['recompiled'], 'one pass at a time')
})

t.test('a pod without DEL is collected', async (t) => {
  const world = makeWorld()
  world.records.set('c1', RECORD)
  world.alive.add('c1')
  world.reconciler.adopt()
  world.alive.clear()
  await world.reconciler.reconcile()
  t.equal(world.reconciler.collected, 1)
  t.same(world.endpoints.all(), [])
})
