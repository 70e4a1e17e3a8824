/**
 * The real engine inline between two namespaces. The pod's own MAC is the marker of endpoint 1, so
 * that u32 and mirred alone lead each frame through vth-neuv; the drivers are tested elsewhere.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { EngineEvent } from '../../src/core/inspect/contract.js'
import { ShardEngine } from '../../src/dpd/engine/bridge.js'
import { os } from '../../src/intercept/addon.js'
import { compiled, policy, setOf, WEB } from '../core/policy/fixture.js'
import { type Netns, testNetns, until, vethPair } from '../netns.js'

const POD = 1
const POD_MAC = '4e:65:75:56:00:01'

interface Bench {
  readonly client: Netns
  readonly pod: Netns
  readonly engine: ShardEngine
  readonly events: EngineEvent[]
  /** Payload octets seen, copied out of the ring. */
  readonly seen: { readonly orig: Buffer[]; readonly reply: Buffer[] }
  readonly heartbeat: () => bigint
}

/** client eth0 - vex | vbr - vth | vin - eth0 pod, with 10.9.0.1, fd09::1 and 10.9.0.2, fd09::2. */
function wire(t: Test): { client: Netns; pod: Netns; enforcer: Netns } {
  const client = testNetns(t, 'vec')
  const pod = testNetns(t, 'vep')
  const enforcer = testNetns(t, 'vee')
  enforcer.exec('sysctl', ['-qw', 'net.ipv6.conf.default.disable_ipv6=1'])
  vethPair(
    { netns: client, ifName: 'eth0', addresses: ['10.9.0.1/24', 'fd09::1/64'] },
    { netns: enforcer, ifName: 'vex' },
  )
  vethPair(
    { netns: pod, ifName: 'eth0', addresses: ['10.9.0.2/24', 'fd09::2/64'] },
    { netns: enforcer, ifName: 'vin' },
  )
  pod.ip(`link set eth0 address ${POD_MAC}`)
  vethPair({ netns: enforcer, ifName: 'vbr' }, { netns: enforcer, ifName: 'vth' })
  for (const ifName of ['vbr', 'vth']) enforcer.ip(`link set ${ifName} mtu 65535`)
  os.ethtoolFeaturesOff(enforcer.fd, 'vbr', ['tx-udp-segmentation'])
  const tc = (args: string) => enforcer.exec('tc', args.split(' '))
  for (const dev of ['vin', 'vex', 'vbr']) tc(`qdisc add dev ${dev} ingress`)
  const filter = (dev: string, match: string, to: string) =>
    tc(
      `filter add dev ${dev} parent ffff: protocol all u32 ${match} action mirred egress redirect dev ${to}`,
    )
  filter('vin', 'match u32 0 0', 'vbr')
  filter('vex', 'match u32 0 0', 'vbr')
  filter('vbr', 'match u32 0x4e657556 0xffffffff at -8', 'vex')
  filter('vbr', 'match u16 0x4e65 0xffff at -14 match u16 0x7556 0xffff at -12', 'vin')
  for (const [netns, address, mac] of [
    [client, '2', POD_MAC],
    [pod, '1', client.exec('cat', ['/sys/class/net/eth0/address']).trim()],
  ] as const) {
    netns.ip(`neigh replace 10.9.0.${address} lladdr ${mac} dev eth0 nud permanent`)
    netns.ip(`neigh replace fd09::${address} lladdr ${mac} dev eth0 nud permanent`)
  }
  return { client, pod, enforcer }
}

async function bench(t: Test): Promise<Bench> {
  const { client, pod, enforcer } = wire(t)
  const dir = mkdtempSync(join(tmpdir(), 'vteng-'))
  const file = join(dir, 'heartbeat')
  const engine = new ShardEngine({
    netnsFd: enforcer.fd,
    ifName: 'vth',
    heartbeat: { slot: 0, mapFd: null, file },
    key: Buffer.alloc(16, 7),
  })
  t.teardown(async () => {
    await engine.stop()
    rmSync(dir, { recursive: true })
  })
  const events: EngineEvent[] = []
  const seen = { orig: [] as Buffer[], reply: [] as Buffer[] }
  engine.onEvents((batch) => {
    for (const event of batch) {
      if (event.ev === 'octets') seen[event.dir].push(Buffer.from(event.octets))
      events.push(event)
    }
  })
  await engine.setEndpoint({
    id: POD,
    path: 'inline',
    failure: 'closed',
    strict: false,
    deliverAll: true,
  })
  engine.start()
  return {
    client,
    pod,
    engine,
    events,
    seen,
    heartbeat: () => readFileSync(file).readBigUInt64LE(),
  }
}

const SERVER = `
  const server = require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
    const hash = require('node:crypto').createHash('sha256')
    let octets = 0
    socket.on('error', ({ code }) => console.log(code))
    socket.on('close', () => console.log('closed', octets))
    socket.on('data', (data) => { hash.update(data); octets += data.length })
    socket.on('end', () => socket.end(octets + ' ' + hash.digest('hex')))
  })
  server.listen(8080, '::', () => console.log('ready'))`
/** Sends argv[2] octets, prints what comes back and the hash of what was sent. */
const CLIENT = `
  const [host, octets] = process.argv.slice(1)
  const body = require('node:crypto').randomBytes(Number(octets))
  const socket = require('node:net').connect(8080, host, () => socket.end(body))
  let answer = ''
  let error = null
  socket.on('data', (data) => { answer += data })
  socket.on('error', ({ code }) => { error = code })
  socket.on('close', () => console.log(JSON.stringify({
    answer, error, sent: octets + ' ' + require('node:crypto').createHash('sha256').update(body).digest('hex')
  })))`

/** Returns what it has printed so far. */
async function startServer(t: Test, pod: Netns): Promise<() => string> {
  const server = pod.spawn(process.execPath, ['-e', SERVER])
  t.teardown(() => server.kill())
  let output = ''
  server.stdout.on('data', (data) => {
    output += data
  })
  await until('server', () => output.includes('ready'))
  return () => output
}

/** Asynchronous: the engine's events need this thread's event loop. */
async function transfer(from: Netns, host: string, octets: number) {
  const child = from.spawn(process.execPath, ['-e', CLIENT, host, String(octets)])
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  await until('transfer', () => child.exitCode !== null, 20_000)
  return JSON.parse(output) as { answer: string; sent: string; error: string | null }
}

/** A generation that leaves the endpoint's traffic alone but for what `spec` says. */
function block(generation: number, ...specs: readonly string[]): Uint8Array {
  const set = setOf(...specs.map((spec, i) => policy(`p${i}`, spec)))
  const pod = { ...WEB, id: POD, addresses: ['10.9.0.2/24', 'fd09::2/64'] }
  return compiled(set, { generation, endpoints: [pod] }).l4Block
}

const HOSTS = ['10.9.0.2', 'fd09::2']

t.test('TCP passes whole, IPv4 and IPv6, super-packets too', async (t) => {
  const { client, pod, engine, events, seen } = await bench(t)
  await engine.setPolicy(block(1))
  await startServer(t, pod)
  for (const host of HOSTS) {
    events.length = 0
    seen.orig.length = 0
    const { answer, sent } = await transfer(client, host, 3_000_000)
    t.equal(answer, sent, host)
    await until('closed', () => events.some((event) => event.ev === 'closed'))
    t.match(
      events.filter((event) => event.ev === 'opened'),
      [{ endpoint: POD, tuple: { destination: host, destinationPort: 8080 }, podSide: 'receiver' }],
    )
    const octets = Buffer.concat(seen.orig)
    t.equal(`${octets.length} ${createHash('sha256').update(octets).digest('hex')}`, sent)
    const largest = Math.max(...seen.orig.map((chunk) => chunk.length))
    t.ok(largest > 3000, `largest chunk has ${largest} octets: offloads are on`)
  }
  t.match(engine.counters(), { truncated: 0, receive_errors: 0, send_failed: 0 })
})

t.test('what L4 denies falls at the SYN, both sides told', async (t) => {
  const { client, pod, engine, events } = await bench(t)
  await engine.setPolicy(block(1, 'podSelector: {}\ningress: []'))
  await startServer(t, pod)
  for (const host of HOSTS) {
    events.length = 0
    const { error } = await transfer(client, host, 10)
    t.equal(error, 'ECONNREFUSED', host)
    t.match(events, [
      { ev: 'opened', l4: 'deny', start: 'syn', generation: 1 },
      { ev: 'closed', how: 'denied' },
    ])
  }
  await engine.setPolicy(block(2))
  t.equal((await transfer(client, '10.9.0.2', 10)).error, null, 'the next policy allows it')
})

const ONLY_GET = 'podSelector: {}\ningress: [{http: [{methods: [GET]}]}]'

t.test('payload is held until the judge has spoken', async (t) => {
  const { client, pod, engine } = await bench(t)
  await engine.setPolicy(block(3, ONLY_GET))
  await startServer(t, pod)
  const held: boolean[] = []
  engine.onEvents((batch) => {
    for (const event of batch) {
      if (event.ev !== 'octets' || event.dir !== 'orig') continue
      held.push(event.held)
      if (held.length > 1) continue
      const { flow, at, octets } = event
      const upTo = at + octets.length
      engine.send([
        { cmd: 'release', flow, generation: 2, dir: 'orig', upTo, rule: 16 },
        { cmd: 'settle', flow, generation: 3, verdict: 'allow', rule: 16 },
      ])
    }
  })
  const { answer, sent } = await transfer(client, '10.9.0.2', 100_000)
  t.equal(answer, sent)
  t.equal(held[0], true)
  t.match(engine.counters(), { stale_commands: 1 }, 'the command of another generation')
})

t.test('no octet of what is denied arrives', async (t) => {
  const { client, pod, engine } = await bench(t)
  await engine.setPolicy(block(4, ONLY_GET))
  const server = await startServer(t, pod)
  engine.onEvents((batch) => {
    for (const event of batch) {
      if (event.ev !== 'octets' || event.at > 0) continue
      const to = { flow: event.flow, generation: 4, rule: 16 } as const
      // biome-ignore lint/suspicious/noThenProperty: the contract's word; never awaited
      engine.send([{ cmd: 'deny', ...to, dir: 'orig', from: 0, answer: 'reset', then: 'close' }])
    }
  })
  for (const host of HOSTS) {
    const { answer, error } = await transfer(client, host, 5000)
    t.same({ answer, error }, { answer: '', error: 'ECONNRESET' }, host)
  }
  await until('the server is told', () => server().split('closed 0').length === 3)
  t.match(server(), /ECONNRESET/)
  t.notMatch(server(), /closed [1-9]/)
})

t.test('the heartbeat runs and ends with the engine', async (t) => {
  const { engine, heartbeat } = await bench(t)
  await until('first', () => heartbeat() > 0n)
  const first = heartbeat()
  await until('second', () => heartbeat() > first)
  t.ok(process.hrtime.bigint() - heartbeat() < 500_000_000n, 'CLOCK_MONOTONIC')
  const pending = engine.setPolicy(block(9))
  await engine.stop()
  t.equal(heartbeat(), 0n)
  await pending.catch((error) => t.match(error, /the engine has stopped/))
  await t.rejects(
    engine.setEndpoint({ id: 2, path: 'tap', failure: 'open', strict: false, deliverAll: false }),
  )
  engine.send([{ cmd: 'settle', flow: 1, generation: 1, verdict: 'allow', rule: 0 }])
})

t.test('what cannot be', async (t) => {
  const { engine } = await bench(t)
  await t.rejects(engine.setPolicy(new Uint8Array(4)), /policy block/)
  const netns = testNetns(t)
  const options = { netnsFd: netns.fd, key: new Uint8Array(16) }
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
  const options = { netnsFd: netns.fd, ifName: 'lo', key: new Uint8Array(16) }
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
