/** The real engine inline between two namespaces, over `engine-bench.ts`. */

import { createHash } from 'node:crypto'
import t from 'tap'
import type { EngineEvent } from '../../src/core/inspect/contract.js'
import { os } from '../../src/intercept/addon.js'
import { compiled, policy, setOf, WEB } from '../core/policy/fixture.js'
import { testNetns } from '../netns.js'
import { until } from '../process.js'
import { engineBench, POD } from './engine-bench.js'
import { ShardEngine } from './shard-engine.js'

t.setTimeout(300_000)

const bench = await engineBench(t)
const { engine, transfer, server } = bench
let listener: (event: EngineEvent) => void = () => {}
const events: EngineEvent[] = []
/** Payload octets of the opener, copied out of the ring. */
const seen: Buffer[] = []
engine.onEvents((batch) => {
  for (const event of batch) {
    if (event.ev === 'octets' && event.dir === 'orig') seen.push(Buffer.from(event.octets))
    events.push(event)
    listener(event)
  }
})
const reset = (): void => {
  events.length = 0
  seen.length = 0
}
t.beforeEach(() => {
  listener = () => {}
})

/** A generation that leaves the endpoint's traffic alone but for what `spec` says. */
function block(generation: number, ...specs: readonly string[]): Uint8Array {
  const set = setOf(...specs.map((spec, i) => policy(`p${i}`, spec)))
  const pod = { ...WEB, id: POD, addresses: ['10.9.0.2/24', 'fd09::2/64'] }
  return compiled(set, { generation, endpoints: [pod] }).l4Block
}

const HOSTS = ['10.9.0.2', 'fd09::2']

t.test('TCP passes whole, IPv4 and IPv6, super-packets too', async (t) => {
  await engine.setPolicy(block(1))
  for (const host of HOSTS) {
    reset()
    const { answer, sent } = await transfer(host, 3_000_000)
    t.equal(answer, sent, host)
    await until('closed', () => events.some((event) => event.ev === 'closed'))
    t.match(
      events.filter((event) => event.ev === 'opened'),
      [{ endpoint: POD, tuple: { destination: host, destinationPort: 8080 }, podSide: 'receiver' }],
    )
    const octets = Buffer.concat(seen)
    t.equal(`${octets.length} ${createHash('sha256').update(octets).digest('hex')}`, sent)
    const largest = Math.max(...seen.map((chunk) => chunk.length))
    t.ok(largest > 3000, `largest chunk has ${largest} octets: offloads are on`)
  }
  t.match(engine.counters(), { truncated: 0, receive_errors: 0, send_failed: 0 })
})

t.test('what L4 denies falls at the SYN, both sides told', async (t) => {
  await engine.setPolicy(block(1, 'podSelector: {}\ningress: []'))
  for (const host of HOSTS) {
    reset()
    const { error } = await transfer(host, 10)
    t.equal(error, 'ECONNREFUSED', host)
    await until('closed', () => events.some((event) => event.ev === 'closed'))
    t.match(events, [
      { ev: 'opened', l4: 'deny', start: 'syn', generation: 1 },
      { ev: 'closed', how: 'denied' },
    ])
  }
  await engine.setPolicy(block(2))
  t.equal((await transfer('10.9.0.2', 10)).error, null, 'the next policy allows it')
})

const STALE_COMMANDS = 30_000
const ONLY_GET = 'podSelector: {}\ningress: [{http: [{methods: [GET]}]}]'

t.test('payload is held until the judge has spoken', async (t) => {
  await engine.setPolicy(block(3, ONLY_GET))
  const held: boolean[] = []
  listener = (event) => {
    if (event.ev !== 'octets' || event.dir !== 'orig') return
    held.push(event.held)
    if (held.length > 1) return
    const { flow, at, octets } = event
    const release = {
      cmd: 'release',
      flow,
      dir: 'orig',
      upTo: at + octets.length,
      rule: 16,
    } as const
    // More than the command ring has room for, all of the generation before.
    engine.send(Array.from({ length: STALE_COMMANDS }, () => ({ ...release, generation: 2 })))
    engine.send([
      { ...release, generation: 3 },
      { cmd: 'settle', flow, generation: 3, verdict: 'allow', rule: 16 },
    ])
  }
  const { answer, sent } = await transfer('10.9.0.2', 100_000)
  t.equal(answer, sent)
  t.equal(held[0], true)
  // Counters are a snapshot that the engine's thread renews.
  await until(
    'stale commands are counted',
    () => engine.counters().stale_commands === STALE_COMMANDS,
  )
})

t.test('no octet of what is denied arrives', async (t) => {
  await engine.setPolicy(block(4, ONLY_GET))
  const printed = server().length
  listener = (event) => {
    if (event.ev !== 'octets' || event.at > 0) return
    const to = { flow: event.flow, generation: 4, rule: 16 } as const
    engine.send([{ cmd: 'deny', ...to, dir: 'orig', from: 0, answer: 'reset', then: 'close' }])
  }
  for (const host of HOSTS) {
    const { answer, error } = await transfer(host, 5000)
    t.same({ answer, error }, { answer: '', error: 'ECONNRESET' }, host)
  }
  const news = () => server().slice(printed)
  await until('the server is told', () => news().split('closed 0').length === 3)
  t.match(news(), /ECONNRESET/)
  t.notMatch(news(), /closed [1-9]/)
})

t.test('what cannot be', async (t) => {
  await t.rejects(engine.setPolicy(new Uint8Array(4)), /policy block/)
  const netns = testNetns(t)
  const options = { netnsFd: netns.fd, key: new Uint8Array(16), flowMapFd: null }
  const heartbeat = { slot: 0, mapFd: null, file: null }
  t.throws(() => new ShardEngine({ ...options, ifName: 'none', heartbeat }), { code: 'ENODEV' })
  const key = new Uint8Array(3)
  t.throws(() => new ShardEngine({ ...options, key, ifName: 'lo', heartbeat }), /key: 16 octets/)
})

t.test('the heartbeat map of the kernel programs', async (t) => {
  const BPF_MAP_TYPE_ARRAY = 2
  const BPF_F_MMAPABLE = 1 << 10
  const spec = { type: BPF_MAP_TYPE_ARRAY, keyOctets: 4, maxEntries: 4, flags: BPF_F_MMAPABLE }
  const mapFd = os.bpf.mapCreate({ ...spec, valueOctets: 8, name: 'vthb' })
  t.teardown(() => os.close(mapFd))
  const netns = testNetns(t)
  const options = { netnsFd: netns.fd, ifName: 'lo', key: new Uint8Array(16), flowMapFd: null }
  const engine = new ShardEngine({ ...options, heartbeat: { slot: 3, mapFd, file: null } })
  const stamp = () =>
    Buffer.from(os.bpf.mapLookup(mapFd, Uint8Array.of(3, 0, 0, 0), 8) ?? []).readBigUInt64LE()
  t.equal(stamp(), 0n)
  engine.start()
  await until('stamp', () => stamp() > 0n)
  await engine.stop()
  t.equal(stamp(), 0n)
  const beyond = { slot: 4, mapFd, file: null }
  t.throws(() => new ShardEngine({ ...options, heartbeat: beyond }), { code: 'EINVAL' })
})

t.test('the heartbeat runs and ends with the engine', async (t) => {
  await until('first', () => bench.heartbeat() > 0n)
  const first = bench.heartbeat()
  await until('second', () => bench.heartbeat() > first)
  t.ok(process.hrtime.bigint() - bench.heartbeat() < 500_000_000n, 'CLOCK_MONOTONIC')
  const pending = engine.setPolicy(block(9))
  await engine.stop()
  t.equal(bench.heartbeat(), 0n)
  await pending.catch((error) => t.match(error, /the engine has stopped/))
  await t.rejects(
    engine.setEndpoint({
      ...{
        id: 2,
        path: 'tap',
        failure: 'open',
        strict: false,
        deliverAll: false,
        identifies: false,
      },
      ...{ own: null, dhcpServers: [], epoch: 0 },
    }),
  )
  engine.send([{ cmd: 'settle', flow: 1, generation: 1, verdict: 'allow', rule: 0 }])
})
