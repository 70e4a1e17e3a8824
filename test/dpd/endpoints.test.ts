import t from 'tap'
import { formatAddress } from '../../src/core/address.js'
import type { EndpointPath, EndpointRecord } from '../../src/core/endpoint.js'
import type { CompiledPolicy } from '../../src/core/policy/compiled.js'
import { type DepthGlobs, Depths } from '../../src/dpd/depth.js'
import { Endpoints } from '../../src/dpd/endpoints.js'
import type { Engine, EngineEndpoint } from '../../src/dpd/engine/engine.js'
import { epochsFrom } from '../../src/dpd/epochs.js'
import type { JudgedEndpoint } from '../../src/dpd/judge/flow.js'
import type { Pipes } from '../../src/dpd/pipes.js'
import { compiled, ingressPolicy, POD } from './judge/bench.js'
import { RECORD } from './record.js'

/** Everything that is asked of engine, kernel and judge, in order. */
class World {
  readonly log: string[] = []
  failOnce: string | null = null
  readonly judged = new Map<number, JudgedEndpoint>()
  readonly endpoints: Endpoints

  readonly own = new Map<number, EngineEndpoint['own']>()

  constructor(depths: DepthGlobs = {}, forwarders: readonly string[] = []) {
    const kernel = (verb: string) => (_record: EndpointRecord, s: { path: EndpointPath }) => {
      this.#note(`${verb} ${s.path}`)
    }
    const pipes = { ensure: kernel('ensure'), setPath: kernel('setPath') } as unknown as Pipes
    const engine = {
      setEndpoint: async ({ id, path, strict, deliverAll, identifies, own }: EngineEndpoint) => {
        this.own.set(id, own)
        this.#note(
          `engine ${path}${strict ? ' strict' : ''}${deliverAll ? ' all' : identifies ? ' read' : ''}`,
        )
      },
      removeEndpoint: async () => this.#note('engine none'),
    } as unknown as Engine
    this.endpoints = new Endpoints({
      pipes,
      engine,
      ruled: {
        apply: async (_record, { path }) => this.#note(`rules ${path}`),
        forget: async () => this.#note('rules none'),
      },
      judge: {
        setEndpoints: async (endpoints) => {
          for (const endpoint of endpoints) this.judged.set(endpoint.id, endpoint)
        },
        removeEndpoint: async (id) => void this.judged.delete(id),
      },
      depths: new Depths(depths),
      ...{ forwarders, dhcpServers: [] },
      driver: 'bpf',
      nextEpoch: epochsFrom(0),
      warn: (message) => this.log.push(message),
    })
  }

  #note(what: string): void {
    if (this.failOnce === what) {
      this.failOnce = null
      throw new Error('EIO')
    }
    this.log.push(what)
  }

  async apply(policy: CompiledPolicy): Promise<string[]> {
    this.log.length = 0
    await this.endpoints.introduce(policy)
    await this.endpoints.apply(policy)
    return [...this.log]
  }
}

const PROTECT = compiled(ingressPolicy('[]'), 1)
const MONITOR = compiled(ingressPolicy('[]', 'monitor'), 2)
const QUARANTINE = compiled(ingressPolicy('[]'), 3, { quarantined: new Set([POD]) })

t.test('towards inline the engine goes first, away from it the kernel', async (t) => {
  const world = new World()
  const endpoint = world.endpoints.add(RECORD)
  t.same(await world.apply(PROTECT), ['engine inline strict', 'ensure inline'])
  t.match(endpoint, { path: 'inline', mode: 'protect', failure: 'closed', applied: true })
  t.same(await world.apply(PROTECT), [], 'nothing changed, nothing is done')
  t.same(
    await world.apply(MONITOR),
    ['setPath inline', 'setPath direct', 'engine tap read', 'setPath tap'],
    'carried flows are recalled first',
  )
  t.match(world.judged.get(POD), { mode: 'monitor', enforced: false, depth: 'transactions' })
  t.same(await world.apply(PROTECT), ['setPath tap', 'engine inline strict', 'setPath inline'])
  t.same(await world.apply(QUARANTINE), [
    'setPath inline',
    'setPath quarantine',
    'setPath quarantine',
    'engine none',
  ])
  t.equal(endpoint.path, 'quarantine')
})

t.test('an announced endpoint that is known is put in force again', async (t) => {
  const world = new World()
  world.endpoints.add(RECORD)
  await world.apply(PROTECT)
  world.endpoints.add(RECORD)
  t.same(await world.apply(PROTECT), ['ensure inline', 'engine inline strict'])
})

t.test('a fault is said, not applied, and tried again', async (t) => {
  const world = new World()
  const endpoint = world.endpoints.add(RECORD)
  world.failOnce = 'ensure inline'
  const log = await world.apply(PROTECT)
  t.match(log[1], /default\/web\/eth0: inline not in force: Error: EIO/)
  t.equal(endpoint.applied, false)
  t.match(await world.apply(PROTECT), [/engine inline/, 'ensure inline'])
  t.equal(endpoint.applied, true)
})

t.test('depth content is by pod', async (t) => {
  const world = new World({ content: ['default/w*'], identify: ['*/*'] })
  world.endpoints.add(RECORD)
  t.same(await world.apply(PROTECT), ['engine inline strict all', 'ensure inline'])
})

t.test('remove: idempotent; an id that another took over is left to it', async (t) => {
  const world = new World()
  world.endpoints.add(RECORD)
  await world.apply(PROTECT)
  world.endpoints.add({ ...RECORD, containerID: 'c2' })
  world.log.length = 0
  t.equal((await world.endpoints.remove(RECORD))?.containerID, 'c1')
  t.same(world.log, [])
  t.equal(await world.endpoints.remove(RECORD), null)
  t.equal((await world.endpoints.remove({ containerID: 'c2', ifName: 'eth0' }))?.id, POD)
  t.same(world.log, ['engine none'])
  t.equal(world.judged.size, 0)
})

t.test('the engine knows what is the pod’s own, and is told when that changes', async (t) => {
  const listing = (address: string) => ({
    namespaces: [],
    pods: [{ namespace: 'default', name: 'web', labels: {}, addresses: [address] }],
  })
  const directed = (generation: number, address: string) =>
    compiled(ingressPolicy('[]'), generation, { directory: listing(address) })
  const world = new World()
  world.endpoints.add({ ...RECORD, linkLocals: ['fe80::1234/64'] })
  const ownTexts = () => world.own.get(POD)?.addresses.map(formatAddress)
  await world.apply(directed(1, '10.1.0.70'))
  t.same(ownTexts(), ['fe80::ff:fe00:7', '10.1.0.7', 'fd00::7', '10.1.0.70', 'fe80::1234'])
  t.same(await world.apply(directed(2, '10.1.0.70')), [])
  t.same(await world.apply(directed(3, '10.1.0.71')), [
    'setPath inline',
    'setPath inline',
    'engine inline strict',
  ])
  t.ok(ownTexts()?.includes('10.1.0.71'))
  t.notOk(ownTexts()?.includes('10.1.0.70'))
  const forwarding = new World({}, ['default/w*'])
  forwarding.endpoints.add(RECORD)
  await forwarding.apply(PROTECT)
  t.equal(forwarding.own.get(POD), null, 'one that may forward')
})

t.test('where rules lead to the engine it knows first, and forgets last', async (t) => {
  const world = new World()
  const record = { ...RECORD, driver: 'nfqueue', attachment: 'rules', links: null } as const
  const endpoint = world.endpoints.add(record)
  t.same(await world.apply(PROTECT), ['engine inline strict', 'rules inline'])
  t.match(endpoint, { path: 'inline', applied: true })
  t.same(await world.apply(MONITOR), ['engine tap read', 'rules tap'], 'nothing is drained')
  t.same(await world.apply(MONITOR), ['rules tap'], 'asked under each policy')
  t.same(await world.apply(QUARANTINE), ['rules quarantine', 'rules quarantine', 'engine none'])
  world.failOnce = 'rules inline'
  t.match((await world.apply(PROTECT)).at(-1), /inline not in force: Error: EIO/)
  t.equal(endpoint.applied, false)
  await world.endpoints.remove(record)
})
