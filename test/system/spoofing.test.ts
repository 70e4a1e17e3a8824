/**
 * A pod that says it is another, and what it may always say: under protect and default deny, by
 * frames that are watched on the host's end of its veth.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Netns } from '../netns.js'
import { Node, type Pod, until } from '../node.js'
import { arp, ether, etherOf, groupMac, icmp4, icmp6, ip, nd, target, udp } from './frame-octets.js'
import { type Port, Traffic } from './pipe/traffic.js'
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
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const STRANGER = '02:00:00:00:ee:ee'
const MARKER = '4e:65:75:56:00:01'
const [GATEWAY, GATEWAY_6, ROUTER] = ['10.77.0.1', 'fd00:77::1', 'fe80::1']
const [STRANGER_4, STRANGER_6] = ['10.77.0.99', 'fd00:77::99']
const ALL_NODES = 'ff02::1'
const ETH_ARP = 0x0806
/** Ends each exchange: nothing else has it. */
const LAST = Buffer.from('feedfacecafebeef', 'hex')

interface Side {
  readonly pod: Pod
  readonly mac: string
  readonly linkLocal: string
  readonly eth0: Port
  /** The primary CNI's end: what comes from the pod comes in here. */
  readonly host: Port
}

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

const datagram = (from: string, to: Side, payload = Buffer.from('hello')): Buffer =>
  udp({ from, to: from.includes(':') ? to.pod.ip6 : to.pod.ip4 }, [5000, 5001], payload)

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

/** By the reason that they are to be reported with. */
function spoofs({ mallory, victim }: World): Record<string, readonly string[]> {
  const { mac, pod, linkLocal } = mallory
  const macs = { to: victim.mac, from: mac }
  const arpOf = (fields: { operation: 1 | 2; mac: string; sender: string }) =>
    ether(BROADCAST, mac, ETH_ARP, arp({ ...fields, target: GATEWAY }))
  const own = datagram(pod.ip4, victim)
  const toAll = { to: groupMac(ALL_NODES), from: mac }
  const ndOf = (from: string, type: number, fixed: Buffer, option?: [number, string]) =>
    etherOf(toAll, nd({ from, to: ALL_NODES }, type, fixed, option))
  return {
    'foreign-mac': [etherOf({ to: victim.mac, from: STRANGER }, own)],
    'forged-marker': [
      etherOf({ to: MARKER, from: mac }, own),
      etherOf({ to: victim.mac, from: MARKER }, own),
    ],
    'spoofed-ip': [
      etherOf(macs, datagram(victim.pod.ip4, victim)),
      etherOf(macs, datagram('10.77.99.99', victim)),
      etherOf(macs, datagram('fd00:77::bad', victim)),
    ],
    'spoofed-arp': [
      arpOf({ operation: 1, mac, sender: victim.pod.ip4 }),
      arpOf({ operation: 2, mac: victim.mac, sender: pod.ip4 }),
      ether(BROADCAST, mac, ETH_ARP, arp({ operation: 1, mac, sender: GATEWAY, target: GATEWAY })),
    ],
    'spoofed-nd': [
      ndOf(pod.ip6, 136, target(GATEWAY_6), [2, mac]),
      ndOf(pod.ip6, 135, target(GATEWAY_6), [1, STRANGER]),
      ndOf(ROUTER, 135, target(GATEWAY_6), [1, mac]),
      ndOf(linkLocal, 134, Buffer.alloc(8)),
      ndOf(linkLocal, 137, Buffer.concat([target(GATEWAY_6), target(victim.pod.ip6)])),
    ],
  }
}

interface Row {
  readonly what: string
  readonly good: string
  /** The same, but false or out of its place. */
  readonly twin: string
}

/** What a pod under default deny may send all the same. */
function essentialsFromPod({ mallory, victim }: World): Row[] {
  const { mac, pod, linkLocal } = mallory
  const toGroup = (group: string) => ({ to: groupMac(group), from: mac })
  const say = (operation: 1 | 2, sender: string) =>
    ether(BROADCAST, mac, ETH_ARP, arp({ operation, mac, sender, target: GATEWAY }))
  const multicast = (packet: Buffer, group: string) => etherOf(toGroup(group), packet)
  const solicit = (from: string, type: number, fixed: Buffer, option?: [number, string]) =>
    multicast(nd({ from, to: ALL_NODES }, type, fixed, option), ALL_NODES)
  const igmp = (hops: number) =>
    multicast(ip({ from: pod.ip4, to: '224.0.0.22', hops }, 2, Buffer.alloc(8)), '224.0.0.22')
  const mld = (from: string) =>
    multicast(icmp6({ from, to: 'ff02::16', hops: 1 }, 143, Buffer.alloc(4)), 'ff02::16')
  const dhcp = (to: string, ports: [number, number], from = '0.0.0.0') =>
    etherOf({ to: BROADCAST, from: mac }, udp({ from, to }, ports, Buffer.from('lease')))
  const dhcp6 = (from: string) =>
    multicast(udp({ from, to: 'ff02::1:2' }, [546, 547], Buffer.from('lease')), 'ff02::1:2')
  return [
    { what: 'ARP request', good: say(1, pod.ip4), twin: say(1, victim.pod.ip4) },
    { what: 'ARP reply', good: say(2, pod.ip4), twin: say(2, GATEWAY) },
    { what: 'ARP probe', good: say(1, '0.0.0.0'), twin: say(2, '0.0.0.0') },
    {
      what: 'address that endpoints.d lists',
      ...{ good: say(1, '10.77.200.1'), twin: say(1, '10.77.200.2') },
    },
    {
      what: 'RS',
      good: solicit(linkLocal, 133, Buffer.alloc(0), [1, mac]),
      twin: solicit(linkLocal, 133, Buffer.alloc(0), [1, STRANGER]),
    },
    {
      what: 'DAD',
      good: solicit('::', 135, target(pod.ip6)),
      twin: solicit('::', 135, target(pod.ip6), [1, mac]),
    },
    {
      what: 'NS',
      good: solicit(pod.ip6, 135, target(GATEWAY_6), [1, mac]),
      twin: solicit(GATEWAY_6, 135, target(pod.ip6), [1, mac]),
    },
    {
      what: 'NA',
      good: solicit(pod.ip6, 136, target(pod.ip6), [2, mac]),
      twin: solicit(pod.ip6, 136, target(victim.pod.ip6), [2, mac]),
    },
    { what: 'IGMP report', good: igmp(1), twin: igmp(64) },
    { what: 'MLD report', good: mld(linkLocal), twin: mld(pod.ip6) },
    {
      what: 'DHCPv4 discover',
      good: dhcp('255.255.255.255', [68, 67]),
      twin: dhcp('255.255.255.255', [67, 68], pod.ip4),
    },
    {
      what: 'DHCPv4 renewal',
      good: dhcp(GATEWAY, [68, 67], pod.ip4),
      twin: dhcp(victim.pod.ip4, [68, 67], pod.ip4),
    },
    { what: 'DHCPv6 solicit', good: dhcp6(linkLocal), twin: dhcp6(ROUTER) },
  ]
}

/** What reaches it. The node itself is no sender here: what it sends passes by policy. */
function essentialsToPod({ mallory, victim }: World): Row[] {
  const { mac, pod, linkLocal } = mallory
  const macs = { to: mac, from: STRANGER }
  const say = (operation: 1 | 2, addressOctets = 4) =>
    ether(
      mac,
      STRANGER,
      ETH_ARP,
      arp({ operation, mac: STRANGER, sender: GATEWAY, target: pod.ip4, addressOctets }),
    )
  const multicast = (packet: Buffer, group: string) =>
    etherOf({ to: groupMac(group), from: STRANGER }, packet)
  const neighbour = (from: string, type: number, fixed: Buffer, hops = 255) =>
    etherOf(macs, nd({ from, to: linkLocal, hops }, type, fixed))
  const advertised = Buffer.concat([target(GATEWAY_6), target(victim.pod.ip6)])
  const igmp = (hops: number) =>
    multicast(ip({ from: STRANGER_4, to: '224.0.0.1', hops }, 2, Buffer.alloc(8)), '224.0.0.1')
  const mld = (from: string) =>
    multicast(icmp6({ from, to: ALL_NODES, hops: 1 }, 130, Buffer.alloc(20)), ALL_NODES)
  const lease = (from: string, to: string, ports: [number, number]) =>
    etherOf(macs, udp({ from, to }, ports, Buffer.from('lease')))
  /** Fragmentation needed and packet too big, quoting a datagram of port `port` to the victim. */
  const tooBig4 = (port: number) => {
    const hops = { from: pod.ip4, to: victim.pod.ip4 }
    const quoted = udp(hops, [port, 5001], Buffer.from('hello')).subarray(0, 28)
    const rest = Buffer.concat([Buffer.from([0, 0, 5, 0]), quoted])
    return etherOf(macs, icmp4({ from: STRANGER_4, to: pod.ip4 }, 3, 4, rest))
  }
  const tooBig6 = (port: number) => {
    const hops = { from: pod.ip6, to: victim.pod.ip6 }
    const quoted = udp(hops, [port, 5001], Buffer.from('hello'))
    // The MTU tells the two apart: no more than 96 octets of a frame are kept.
    const rest = Buffer.concat([Buffer.from([0, 0, 5, port & 0xff]), quoted])
    return etherOf(macs, icmp6({ from: STRANGER_6, to: pod.ip6 }, 2, rest))
  }
  return [
    { what: 'ARP request', good: say(1), twin: say(1, 16) },
    { what: 'ARP reply', good: say(2), twin: say(2, 16) },
    {
      what: 'NS',
      good: neighbour(ROUTER, 135, target(pod.ip6)),
      twin: neighbour(ROUTER, 135, target(pod.ip6), 64),
    },
    {
      what: 'NA',
      good: neighbour(STRANGER_6, 136, target(STRANGER_6)),
      twin: neighbour(STRANGER_6, 136, target(STRANGER_6), 64),
    },
    {
      what: 'RA',
      good: neighbour(ROUTER, 134, Buffer.alloc(8)),
      twin: neighbour(STRANGER_6, 134, Buffer.alloc(8)),
    },
    {
      what: 'Redirect',
      good: neighbour(ROUTER, 137, advertised),
      twin: neighbour(ROUTER, 137, advertised, 64),
    },
    { what: 'IGMP query', good: igmp(1), twin: igmp(64) },
    { what: 'MLD query', good: mld(ROUTER), twin: mld(STRANGER_6) },
    {
      what: 'DHCPv4 answer',
      good: lease(GATEWAY, pod.ip4, [67, 68]),
      twin: lease(victim.pod.ip4, pod.ip4, [67, 68]),
    },
    {
      what: 'DHCPv6 answer',
      good: lease(ROUTER, linkLocal, [547, 546]),
      twin: lease(victim.linkLocal, linkLocal, [547, 546]),
    },
    { what: 'fragmentation needed of a live flow', good: tooBig4(5000), twin: tooBig4(5002) },
    { what: 'packet too big of a live flow', good: tooBig6(5000), twin: tooBig6(5002) },
  ]
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

t.setTimeout(60_000)
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
