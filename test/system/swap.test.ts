/** The swap in real namespaces: what the pod sees of it is nothing, in both directions. */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { os } from '../../src/intercept/addon.js'
import { BpfDriver } from '../../src/intercept/bpf/driver.js'
import { unpin } from '../../src/intercept/bpf/loader.js'
import { check } from '../../src/intercept/check.js'
import { readRecord, recordPath } from '../../src/intercept/endpoint-records.js'
import { closeEnforcer, ensureEnforcer } from '../../src/intercept/enforcer.js'
import { NoSuchInterfaceError, NotVethError } from '../../src/intercept/interceptable.js'
import { NotNetnsError } from '../../src/intercept/netns.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { ip, type Netns, until } from '../netns.js'
import { podDump } from './pod-dump.js'
import {
  dress,
  dressPlain,
  dressPointToPoint,
  makePod,
  makeWorld,
  settled,
  type World,
} from './swap-topology.js'

// A dozen processes per case, on a machine that is busy.
t.setTimeout(180_000)

function ensure(world: World): void {
  closeEnforcer(os, ensureEnforcer(world.context()))
}

function hasLink(netns: Netns, name: string): boolean {
  return netns.ipJson<{ ifname: string }[]>('link show').some(({ ifname }) => ifname === name)
}

for (const [name, put] of [
  ['bridge', dress],
  ['ptp', dressPointToPoint],
] as const) {
  t.test(`a pod dressed by ${name} looks the same after attach and after detach`, async (t) => {
    const world = makeWorld(t)
    put(world.pod)
    await settled(world.pod)
    const before = podDump(world.pod)
    const record = attach(world.context(), world.spec())
    t.strictSame(podDump(world.pod), before, 'after attach')
    t.equal(record.links.vinIfindex, record.links.hostIfindex, 'vin has the index of the host veth')
    t.strictSame(check(world.context(), record), [], 'check finds no drift')
    detach(world.context(), record, record.netns)
    t.strictSame(podDump(world.pod), before, 'after detach')
    t.strictSame(world.warnings, [])
    t.strictSame(readdirSync(world.instance.endpointsDir), [])
    t.strictSame(readdirSync(world.instance.journalDir), [])
    t.equal(check(world.context(), record), null, 'no such endpoint any more')
  })
}

t.test('what changed in the pod while intercepted is kept by detach', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  attach(world.context(), world.spec())
  for (const change of [
    'address add 10.44.0.1/24 dev eth0',
    '-6 route add fd44::/48 dev eth0 metric 9',
    'link set eth0 mtu 1300 alias changed',
  ]) {
    world.pod.ip(change)
  }
  const changed = podDump(world.pod)
  detach(world.context(), world.spec(), world.pod.path)
  t.strictSame(podDump(world.pod), changed)
})

t.test('a route over several devices keeps all its hops', async (t) => {
  const world = makeWorld(t)
  const { pod } = world
  dressPlain(pod)
  for (const line of [
    'link add net1 type veth peer name net1peer',
    'address add 10.2.0.1/24 dev net1',
    'address add fd02::1/64 dev net1 nodad',
    'link set net1 up',
    'link set net1peer up',
    'route add 10.9.0.0/16 nexthop via 10.1.0.1 dev eth0 nexthop via 10.2.0.9 dev net1',
    '-6 route add fd09::/48 nexthop via fd01::1 dev eth0 nexthop via fd02::9 dev net1',
    'nexthop add id 7 via 10.1.0.1 dev eth0',
    'route add 10.10.0.0/16 nhid 7',
  ]) {
    pod.ip(line)
  }
  await settled(pod)
  const hops = (family: string, prefix: string) =>
    pod.ip(`${family} route show ${prefix}`).replace(/nhid \d+ /, '')
  const before = [hops('-4', '10.9.0.0/16'), hops('-4', '10.10.0.0/16')]
  const gateways = ['via fd01::1 dev eth0', 'via fd02::9 dev net1']
  attach(world.context(), world.spec())
  t.strictSame([hops('-4', '10.9.0.0/16'), hops('-4', '10.10.0.0/16')], before)
  for (const gateway of gateways) t.match(hops('-6', 'fd09::/48'), gateway)
})

t.test('DEL in every shape, any number of times', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  const context = world.context()
  detach(context, world.spec(), world.pod.path)
  detach(context, world.spec(), '')
  t.notOk(existsSync(world.instance.netnsPath), 'before any ADD there is nothing to make')

  attach(context, world.spec())
  detach(context, world.spec(), '')
  t.ok(hasLink(world.pod, 'eth0'), 'without a netns, a pod that lives gets its interface back')
  detach(context, world.spec(), '')

  attach(context, world.spec())
  const gone = world.pod
  ip(`netns del ${gone.name}`)
  ip(`netns add ${gone.name}`)
  detach(context, world.spec(), gone.path)
  await until('the host veth went with vex', () => !hasLink(world.host, 'host0'))
  t.strictSame(world.enforcerLinks().sort(), ['lo', 'vbr-neuv', 'vth-neuv'])
  detach(context, world.spec(), gone.path)
  t.strictSame(world.warnings, [])
})

t.test(
  'ADD again is the same endpoint; ADD of a new pod under an old key is a new one',
  async (t) => {
    const world = makeWorld(t)
    dressPlain(world.pod)
    const first = attach(world.context(), world.spec())
    const before = podDump(world.pod)
    t.strictSame(attach(world.context(), world.spec()), first)
    t.strictSame(podDump(world.pod), before)
    const other = makePod(t, world.host, 'host1')
    const second = attach(world.context(), world.spec({ netns: other.path }))
    t.not(second.id, first.id)
    t.notOk(hasLink(world.pod, 'eth0'), 'the old links went')
  },
)

t.test('a record that is lost or damaged stops neither ADD nor DEL', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const before = podDump(world.pod)
  const path = recordPath(world.instance, world.spec())
  attach(world.context(), world.spec())
  rmSync(path)
  attach(world.context(), world.spec())
  t.strictSame(podDump(world.pod), before, 'swapped once, not twice')
  writeFileSync(path, '{"schema": 1,')
  t.equal(readRecord(world.instance, world.spec(), world.warnings.push.bind(world.warnings)), null)
  t.ok(existsSync(`${path}.bad`))
  t.equal(world.warnings.length, 1)
  detach(world.context(), world.spec(), world.pod.path)
  t.strictSame(world.enforcerLinks().sort(), ['lo', 'vbr-neuv', 'vth-neuv'])
})

t.test('what cannot be swapped is refused and untouched', async (t) => {
  const world = makeWorld(t)
  const { pod } = world
  const attempt = (more: object) => () => attach(world.context(), world.spec(more))
  t.throws(attempt({ netns: '/proc/self/ns/net' }), NotNetnsError, "the node's own")
  t.throws(attempt({ netns: '/etc/hostname' }), NotNetnsError, 'not a namespace')
  t.throws(attempt({ netns: '/run/netns/none-such' }), NotNetnsError, 'no such file')
  t.throws(attempt({ ifName: 'net7' }), NoSuchInterfaceError)
  pod.ip('link add br9 type bridge')
  t.throws(attempt({ ifName: 'br9' }), NotVethError)
  pod.ip('link add link eth0 mac0 type macvlan')
  t.throws(attempt({}), { name: 'NotVethError', message: /carries mac0/ })
  pod.ip('link del mac0')
  pod.ip('link set eth0 master br9')
  t.throws(attempt({}), { name: 'NotVethError', message: /port of br9/ })
  t.strictSame(readdirSync(world.instance.runDir).sort(), ['lock', 'locks'])
})

t.test('a host index that is taken in the enforcer is given up and said', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  ensure(world)
  const [host] = world.host.ipJson<{ ifindex: number }[]>('link show host0')
  ip(`-n ${world.instance.name} link add taken index ${host?.ifindex} type veth peer name taken1`)
  const before = podDump(world.pod)
  const record = attach(world.context(), world.spec())
  t.match(record.links, { peerIndexLost: true, hostIfindex: host?.ifindex })
  t.not(record.links.vinIfindex, host?.ifindex)
  const { link_index: _, ...link } = before.link
  t.match(podDump(world.pod), { ...before, link })
  t.strictSame(check(world.context(), record), [])
})

t.test('pods with the same alternative name and different ids', async (t) => {
  const world = makeWorld(t)
  const other = makePod(t, world.host, 'host1')
  for (const pod of [world.pod, other]) dressPlain(pod)
  const first = attach(world.context(), world.spec())
  const second = attach(world.context(), world.spec({ containerID: 'other', netns: other.path }))
  t.not(first.id, second.id)
  t.equal(second.links.vexIfindex, 10_100_000 + second.id)
  for (const pod of [world.pod, other]) t.strictSame(podDump(pod).link.altnames, ['pod-uplink'])
})

function sameNetns(a: string, b: string): boolean {
  return statSync(a).ino === statSync(b).ino
}

t.test('the enforcer survives the loss of either mount', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  const record = attach(world.context(), world.spec())
  const { netnsPath, netnsSparePath } = world.instance
  for (const path of [netnsPath, netnsSparePath]) {
    os.unmount(path)
    ensure(world)
    t.ok(sameNetns(netnsPath, netnsSparePath), `${path} is back`)
    t.strictSame(check(world.context(), record), [])
  }
  // Somebody made an empty one under the first name: the one with the pods' links stays.
  os.unmount(netnsPath)
  os.netnsCreate(netnsPath)
  ensure(world)
  t.ok(sameNetns(netnsPath, netnsSparePath))
  t.strictSame(check(world.context(), record), [])
})

t.test('the enforcer is silent, and its devices carry any frame', async (t) => {
  const world = makeWorld(t)
  ensure(world)
  const read = (path: string) =>
    ip(`netns exec ${world.instance.name} cat /proc/sys/net/${path}`).trim()
  for (const scope of ['all', 'default', 'vbr-neuv', 'vth-neuv']) {
    t.equal(read(`ipv6/conf/${scope}/disable_ipv6`), '1', scope)
  }
  t.equal(read('ipv4/ip_forward'), '0')
  const show = (name: string) => ip(`-n ${world.instance.name} -d link show ${name}`)
  t.match(show('vbr-neuv'), /^10000000: .* mtu 65535 .* gso_max_size 65536 /s)
  t.match(show('vth-neuv'), /^10000001: .* mtu 65535 /)
  const features = ip(`netns exec ${world.instance.name} ethtool -k vbr-neuv`)
  t.match(features, /tx-udp-segmentation: off/)
  t.match(features, /tx-tcp-segmentation: on/)
})

function pingable(t: Test, world: World, message: string): void {
  for (const address of ['10.1.0.2', 'fd01::2']) {
    const answer = world.host.exec('ping', ['-c', '2', '-i', '0.05', '-W', '2', address])
    t.match(answer, / 0% packet loss/, `${address} ${message}`)
  }
}

t.test('with the bpf driver: quarantined until the caller sets a path, then through', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  world.pod.ip('link set lo up')
  world.host.ip('address add 10.1.0.1/24 dev host0')
  world.host.ip('address add fd01::1/64 dev host0 nodad')
  await settled(world.pod)
  const driver = new BpfDriver(os, world.instance)
  t.teardown(() => {
    driver.close()
    unpin(world.instance.bpffsDir)
  })
  const context = world.context(driver)
  pingable(t, world, 'before')
  const record = attach(context, world.spec())
  t.throws(() => world.host.exec('ping', ['-c', '1', '-W', '1', '10.1.0.2']), 'quarantined')
  const enforcer = ensureEnforcer(context)
  t.teardown(() => closeEnforcer(os, enforcer))
  driver.setPath(enforcer, record, { path: 'direct', failure: 'open' })
  pingable(t, world, 'direct')
  t.strictSame(check(context, record), [])
  detach(context, record, record.netns)
  pingable(t, world, 'after')
})
