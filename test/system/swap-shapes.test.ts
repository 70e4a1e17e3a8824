/** ADD, DEL and the enforcer in every shape that runtimes and accidents give them. */

import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { linksOf } from '../../src/core/endpoint.js'
import { os } from '../../src/intercept/addon.js'
import { check } from '../../src/intercept/check.js'
import { readRecord, recordPath } from '../../src/intercept/endpoint-records.js'
import { NoSuchInterfaceError, NotVethError } from '../../src/intercept/interceptable.js'
import { NotNetnsError } from '../../src/intercept/netns.js'
import { recover } from '../../src/intercept/recover.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import { ip, type Netns } from '../netns.js'
import { until } from '../process.js'
import { podDump, podDumpAnyIndex } from './pod-dump.js'
import { dressPlain, ensure, makePod, makeWorld, settled } from './swap-topology.js'

// Many processes per case, on a machine that is busy.
t.setTimeout(180_000)

function hasLink(netns: Netns, name: string): boolean {
  return netns.ipJson<{ ifname: string }[]>('link show').some(({ ifname }) => ifname === name)
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

t.test('a record that is lost or damaged is written again from its spare copy', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  const path = recordPath(world.instance, world.spec())
  const record = attach(world.context(), world.spec())
  rmSync(world.instance.runDir, { recursive: true })
  t.strictSame(attach(world.context(), world.spec()), record, 'ADD again is the same endpoint')
  recover(world.context())
  const text = readFileSync(path, 'utf8').trimEnd()
  t.match(world.warnings, [/default\/web eth0: its record was lost, written again/])
  const cuts = Array.from({ length: text.length }, (_, octets) => text.slice(0, octets))
  for (const damaged of [...cuts, '\0'.repeat(text.length)]) {
    world.warnings.length = 0
    writeFileSync(path, damaged)
    recover(world.context())
    t.match(world.warnings[0], /set aside/, `${damaged.length} octets`)
    t.strictSame(check(world.context(), record), [])
  }
  detach(world.context(), record, record.netns)
  t.strictSame(world.enforcerLinks().sort(), ['lo', 'vbr-neuv', 'vth-neuv'])
  t.strictSame(readdirSync(world.instance.endpointsSpareDir), [])
})

t.test('a record of which both copies are lost stops neither ADD nor DEL', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  await settled(world.pod)
  const before = podDumpAnyIndex(world.pod)
  const path = recordPath(world.instance, world.spec())
  const loseSpare = () => rmSync(world.instance.endpointsSpareDir, { recursive: true })
  attach(world.context(), world.spec())
  rmSync(path)
  loseSpare()
  attach(world.context(), world.spec())
  t.strictSame(podDumpAnyIndex(world.pod), before, 'swapped once, not twice')
  writeFileSync(path, '{"schema": 1,')
  loseSpare()
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

t.test('pods with the same alternative name and different ids', async (t) => {
  const world = makeWorld(t)
  const other = makePod(t, world.host, 'host1')
  for (const pod of [world.pod, other]) dressPlain(pod)
  const first = attach(world.context(), world.spec())
  const second = attach(world.context(), world.spec({ containerID: 'other', netns: other.path }))
  t.not(first.id, second.id)
  t.equal(linksOf(second).vexIfindex, 10_100_000 + second.id)
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
