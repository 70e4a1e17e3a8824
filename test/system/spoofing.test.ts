/**
 * A pod that says it is another, and what it may always say: under protect and default deny, by
 * frames that are watched on the host's end of its veth.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Netns } from '../netns.js'
import { Node, type Pod, until } from '../node.js'
import { arp, ether, etherOf } from './frame-octets.js'
import { Traffic } from './pipe/traffic.js'
import {
  datagram,
  ETH_ARP,
  essentialsFromPod,
  essentialsToPod,
  GATEWAY,
  type Row,
  type Side,
  STRANGER,
  spoofs,
} from './spoofing-frames.js'
import { startEcho, talk } from './talk.js'

const CONFIG = `dhcpServers: [10.77.0.1, "fe80::1"]
spoofing: { allow: ['default/router*'] }
`
const WHO = `pods: [{ namespace: default, name: mallory, addresses: [10.77.200.1] }]
`
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: closed, namespace: default }
spec:
  podSelector: {}
  mode: protect
  failure: closed
  ingress: []
  egress: [{ name: allowed, ports: [{ port: 7 }, { port: 5001, protocol: UDP }] }]
`
/** Ends each exchange: nothing else has it. */
const LAST = Buffer.from('feedfacecafebeef', 'hex')

interface World {
  readonly node: Node
  readonly traffic: Traffic
  readonly mallory: Side
  readonly router: Side
  readonly victim: Side
}

async function sideOf(node: Node, pod: Pod): Promise<Side> {
  const netns = new Netns(pod.netns, false)
  const info = () =>
    netns.ipJson<{ address: string; addr_info: { local: string; scope: string }[] }[]>(
      'addr show dev eth0',
    )[0]
  const linkLocal = () => info()?.addr_info.find(({ scope }) => scope === 'link')?.local ?? ''
  await until(`${pod.name} has a link-local address`, () => linkLocal() !== '')
  const interfaces = pod.result.interfaces as { name: string; sandbox?: string }[]
  const host = interfaces.find(({ name, sandbox }) => name.startsWith('veth') && !sandbox)
  return {
    pod,
    mac: info()?.address ?? '',
    linkLocal: linkLocal(),
    eth0: { netns, ifName: 'eth0' },
    host: { netns: new Netns(node.netns, false), ifName: host?.name ?? '' },
  }
}

async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwsp${process.pid}`, dpdConfig: CONFIG })
  t.teardown(() => node.close())
  writeFileSync(join(node.endpointsDir, 'who.yaml'), WHO)
  writeFileSync(join(node.policyDir, 'closed.yaml'), POLICY)
  await node.startDpd()
  const traffic = new Traffic(t)
  const [mallory, router, victim] = [
    await node.addPod('mallory'),
    await node.addPod('router-1'),
    await node.addPlainPod('victim'),
  ]
  const sides = {
    mallory: await sideOf(node, mallory),
    router: await sideOf(node, router),
    victim: await sideOf(node, victim),
  }
  return { node, traffic, ...sides }
}

/** Of `frames`, those that come out of the pod on the host's side. */
async function leaving(world: World, side: Side, frames: readonly string[]): Promise<string[]> {
  const { traffic, victim } = world
  const macs = { to: victim.mac, from: side.mac }
  const sentinel = etherOf(macs, datagram(side.pod.ip4, victim, LAST))
  const seen = await traffic.exchange(side.eth0, side.host, frames, sentinel)
  const arrived = new Set(seen.map(({ hex }) => hex))
  return frames.filter((frame) => arrived.has(frame.slice(0, 192)))
}

/** Of `frames`, those that come to the pod from the host's side. */
async function reaching(world: World, side: Side, frames: readonly string[]): Promise<string[]> {
  const asks = { mac: STRANGER, sender: GATEWAY, target: side.pod.ip4 }
  const sentinel =
    ether(side.mac, STRANGER, ETH_ARP, arp({ operation: 1, ...asks })) + LAST.toString('hex')
  const seen = await world.traffic.exchange(side.host, side.eth0, frames, sentinel)
  const arrived = new Set(seen.map(({ hex }) => hex))
  return frames.filter((frame) => arrived.has(frame.slice(0, 192)))
}

interface Told {
  readonly event_type: string
  readonly in_iface?: string
  readonly vethwall: { namespace: string; pod: string; reason: string; frames?: number }
}

function toldIn({ node }: World): Told[] {
  return (node.events() as Told[]).filter(({ vethwall }) => vethwall.frames !== undefined)
}

async function metric(world: World, reason: string): Promise<number> {
  const { stdout } = await world.node.exec('curl', [
    ...['-s', '--unix-socket', world.node.instance.socketPath, 'http://dpd/metrics'],
  ])
  const labels = `namespace="default",pod="mallory",reason="${reason}"`
  const line = stdout.split('\n').find((each) => each.includes(`spoofed_frames_total{${labels}}`))
  return Number(line?.split(' ')[1] ?? 0)
}

async function refused(t: Test, world: World): Promise<void> {
  const all = spoofs(world)
  t.same(await leaving(world, world.mallory, Object.values(all).flat()), [], 'none leaves the pod')
  for (const [reason, frames] of Object.entries(all)) {
    await until(`${reason}: counted`, async () => (await metric(world, reason)) >= frames.length)
    t.equal(await metric(world, reason), frames.length, `${reason}: each once, and nothing else`)
    await until(`${reason}: told`, () =>
      toldIn(world).some(({ vethwall }) => vethwall.reason === reason),
    )
  }
  for (const { event_type, in_iface, vethwall } of toldIn(world)) {
    t.match({ event_type, in_iface }, { event_type: 'drop', in_iface: 'eth0' })
    t.match(vethwall, { namespace: 'default', pod: 'mallory' })
  }
  t.match((await world.node.dpctl('status')).stdout, /spoofed: +14 frames, from default\/mallory\n/)
}

async function flooded(t: Test, world: World): Promise<void> {
  const before = toldIn(world).length
  const one = spoofs(world)['spoofed-arp']?.[0] ?? ''
  await leaving(world, world.mallory, Array<string>(2000).fill(one))
  await until('counted', async () => (await metric(world, 'spoofed-arp')) >= 2003)
  t.ok(toldIn(world).length - before <= 1, 'a flood is one event in ten seconds')
}

function table(t: Test, rows: readonly Row[], arrived: readonly string[]): void {
  for (const { what, good, twin } of rows) {
    t.ok(arrived.includes(good), what)
    t.notOk(arrived.includes(twin), `${what}: not its twin`)
  }
}

t.setTimeout(180_000)
t.test('who a pod says it is', async (t) => {
  const world = await makeWorld(t)
  const { node, mallory, router, victim } = world

  await t.test('spoofed frames', (t) => refused(t, world))

  await t.test('essentials from the pod', async (t) => {
    const rows = essentialsFromPod(world)
    // The flows that the errors below quote.
    const flows = [mallory.pod.ip4, mallory.pod.ip6].map((from) =>
      etherOf({ to: victim.mac, from: mallory.mac }, datagram(from, victim)),
    )
    const frames = [...flows, ...rows.flatMap(({ good, twin }) => [good, twin])]
    const arrived = await leaving(world, mallory, frames)
    t.same(
      flows.filter((frame) => !arrived.includes(frame)),
      [],
      'own addresses',
    )
    table(t, rows, arrived)
  })

  await t.test('essentials towards the pod', async (t) => {
    const rows = essentialsToPod(world)
    const frames = rows.flatMap(({ good, twin }) => [good, twin])
    table(t, rows, await reaching(world, mallory, frames))
  })

  await t.test('the kernels at both ends resolve each other', async (t) => {
    await startEcho(victim.pod, node.dir, { tcp: [7] })
    for (const { pod } of [mallory, victim]) await pod.exec('ip', ['neigh', 'flush', 'dev', 'eth0'])
    for (const host of [victim.pod.ip4, victim.pod.ip6])
      t.equal((await talk(mallory.pod, [{ host, port: 7 }]))[0]?.how, 'ok', host)
    const extra = 'fd00:77::da/64'
    await mallory.pod.exec('ip', ['addr', 'add', extra, 'dev', 'eth0'])
    const shown = async () => (await mallory.pod.exec('ip', ['addr', 'show', 'dev', 'eth0'])).stdout
    await until('duplicate address detection ends', async () => !/tentative/.test(await shown()))
    t.match(await shown(), /fd00:77::da\/64/)
    t.notMatch(await shown(), /dadfailed/)
    await mallory.pod.exec('ip', ['addr', 'del', extra, 'dev', 'eth0'])
  })

  await t.test('probes of the node, and not of others', async (t) => {
    await startEcho(mallory.pod, node.dir, { tcp: [80] })
    const probe = (host: string) => ['-c', `exec 3<>/dev/tcp/${host}/80`]
    for (const host of [mallory.pod.ip4, mallory.pod.ip6]) {
      t.equal((await node.exec('bash', probe(host))).status, 0, `${host}: from the node`)
      t.not((await victim.pod.exec('bash', probe(host))).status, 0, `${host}: from a pod`)
    }
  })

  await t.test('a pod that may forward', async (t) => {
    const macs = { to: victim.mac, from: router.mac }
    const frames = ['10.99.0.1', 'fd00:99::1'].map((from) => etherOf(macs, datagram(from, victim)))
    t.same(await leaving(world, router, frames), frames)
    const foreign = etherOf({ ...macs, from: STRANGER }, datagram('10.99.0.1', victim))
    t.same(await leaving(world, router, [foreign]), [], 'its MAC is its own all the same')
  })

  await t.test('a flood', (t) => flooded(t, world))
})
