/**
 * The swap in real namespaces: what the pod sees of it is nothing, in both directions. What depends on the
 * kernel is here, and runs in the guest too; swap-shapes.test.ts has the rest.
 */

import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { linksOf } from '../../src/core/endpoint.js'
import { os } from '../../src/intercept/addon.js'
import { BpfDriver } from '../../src/intercept/bpf/driver.js'
import { unpin } from '../../src/intercept/bpf/loader.js'
import { check } from '../../src/intercept/check.js'
import { closeEnforcer, ensureEnforcer } from '../../src/intercept/enforcer.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { ip } from '../netns.js'
import { podDump, podDumpAnyIndex } from './pod-dump.js'
import {
  dress,
  dressPlain,
  dressPointToPoint,
  ensure,
  makeWorld,
  settled,
  type World,
} from './swap-topology.js'

// Many processes per case, on a machine that is busy or emulated.
t.setTimeout(600_000)

for (const [name, put] of [
  ['bridge', dress],
  ['ptp', dressPointToPoint],
] as const) {
  t.test(`a pod dressed by ${name} looks the same after attach and after detach`, async (t) => {
    const world = makeWorld(t)
    put(world.pod)
    await settled(world.pod)
    const before = podDumpAnyIndex(world.pod)
    const record = attach(world.context(), world.spec())
    const intercepted = podDump(world.pod)
    t.strictSame(podDumpAnyIndex(world.pod), before, 'after attach')
    const [host] = world.host.ipJson<{ ifindex: number; link_index: number }[]>('link show host0')
    t.equal(intercepted.link.link_index, host?.ifindex, 'eth0 tells the host veth for its peer')
    t.equal(intercepted.link.ifindex, host?.link_index, 'and the host veth tells eth0')
    t.strictSame(check(world.context(), record), [], 'check finds no drift')
    detach(world.context(), record, record.netns)
    t.strictSame(podDump(world.pod), intercepted, 'after detach')
    t.strictSame(world.warnings, [])
    t.strictSame(readdirSync(world.instance.endpointsDir), [])
    t.strictSame(readdirSync(world.instance.journalDir), [])
    t.equal(check(world.context(), record), null, 'no such endpoint any more')
  })
}

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

t.test('a host index that is taken in the enforcer is given up and said', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  ensure(world)
  const [host] = world.host.ipJson<{ ifindex: number }[]>('link show host0')
  ip(`-n ${world.instance.name} link add taken index ${host?.ifindex} type veth peer name taken1`)
  const before = podDumpAnyIndex(world.pod)
  const record = attach(world.context(), world.spec())
  t.match(linksOf(record), { peerIndexLost: true, hostIfindex: host?.ifindex })
  t.not(linksOf(record).vinIfindex, host?.ifindex)
  const { link_index: _, ...link } = before.link
  t.match(podDump(world.pod), { ...before, link })
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
