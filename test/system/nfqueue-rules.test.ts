/** Rules in a pod's namespace in place of a swap: at ADD and DEL, where an interface can't be swapped, and by choice. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { setPathOfAttached } from '../../src/intercept/attachment.js'
import { check } from '../../src/intercept/check.js'
import type { InterceptContext } from '../../src/intercept/context.js'
import { listRecords } from '../../src/intercept/endpoint-records.js'
import { listJournal } from '../../src/intercept/journal.js'
import { detach } from '../../src/intercept/restore.js'
import { attach } from '../../src/intercept/swap.js'
import type { Netns } from '../netns.js'
import { dressPlain, makeWorld, type World } from './swap-topology.js'

t.setTimeout(180_000)

const FAMILIES = ['iptables', 'ip6tables'] as const

/** Without counters and chains that are empty. */
function rulesIn(pod: Netns): string {
  const printed = FAMILIES.map((tool) => pod.exec(`${tool}-save`, []))
  return printed.join('').replace(/^([#:].*|\*.*|COMMIT)\n/gm, '')
}

function contextOf(world: World, rules: 'always' | 'where-refused'): InterceptContext {
  return { ...world.context(), rules }
}

/** The pod's veth becomes the lower device of a macvlan, which takes its name. */
function dressMacvlan(pod: Netns): void {
  pod.ip('link set eth0 down')
  pod.ip('link set eth0 name low0')
  pod.ip('link add link low0 name eth0 type macvlan mode bridge')
  for (const name of ['low0', 'eth0']) pod.ip(`link set ${name} up`)
  pod.ip('address add 10.50.0.2/24 dev eth0')
}

t.test(
  'a macvlan is closed until a path is set, and DEL leaves the rules as they were',
  async (t) => {
    const world = makeWorld(t)
    const { pod } = world
    dressMacvlan(pod)
    for (const tool of FAMILIES) pod.exec(tool, ['-A', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT'])
    const before = rulesIn(pod)
    const context = contextOf(world, 'where-refused')
    const record = attach(context, world.spec())
    t.match(record, {
      ...{ driver: 'nfqueue', attachment: 'rules', links: null, addresses: ['10.50.0.2/24'] },
      why: "eth0 is a macvlan, which can't be swapped",
    })
    t.match(rulesIn(pod), /--comment "default\/web: quarantine, every packet is dropped" -j DROP/)
    t.same(check(context, record), [])
    t.strictSame(attach(context, world.spec()), record, 'ADD again is the same endpoint')
    setPathOfAttached(context, record, { path: 'direct', failure: 'open' })
    t.match(rulesIn(pod), /--comment "default\/web: not inspected" -j RETURN/)
    t.same(check(context, record), [])
    pod.exec('ip6tables', ['-t', 'mangle', '-F', 'OUTPUT'])
    t.match(check(context, record), [
      { what: 'rules', subject: 'ipv6 head of OUTPUT', have: 'none' },
    ])
    detach(context, record, '')
    t.equal(rulesIn(pod), before)
    t.same(listRecords(world.instance, t.fail), [])
    detach(context, record, pod.path)
    t.same(world.warnings, [])
  },
)

t.test('a veth is swapped, and gets rules by choice', async (t) => {
  const world = makeWorld(t)
  dressPlain(world.pod)
  const swapped = attach(contextOf(world, 'where-refused'), world.spec())
  t.equal(swapped.attachment, 'swap')
  detach(world.context(), swapped, '')
  const chosen = attach(contextOf(world, 'always'), world.spec())
  t.match(chosen, { attachment: 'rules', why: 'the test' })
  detach(world.context(), chosen, '')
  t.equal(rulesIn(world.pod), '')
})

t.test('each interface of a pod is decided by itself, and goes by itself', async (t) => {
  const world = makeWorld(t)
  const { pod } = world
  dressPlain(pod)
  pod.ip('link add under0 type veth peer name under1')
  pod.ip('link add link under0 name net1 type macvlan')
  const context = contextOf(world, 'where-refused')
  const net1 = attach(context, world.spec({ ifName: 'net1' }))
  const eth0 = attach(context, world.spec())
  t.same([net1.attachment, eth0.attachment], ['rules', 'swap'])
  detach(context, eth0, '')
  const under1 = attach({ ...context, rules: 'always' }, world.spec({ ifName: 'under1' }))
  t.same(check(context, net1), [])
  detach(context, net1, '')
  t.same(check(context, under1), [])
  t.notMatch(rulesIn(pod), /net1/)
  detach(context, under1, '')
  t.equal(rulesIn(pod), '')
})

t.test('an ADD that fails leaves no rule and no journal', async (t) => {
  const world = makeWorld(t)
  dressMacvlan(world.pod)
  const context = contextOf(world, 'where-refused')
  const { endpointsDir, runDir } = world.instance
  mkdirSync(runDir, { recursive: true })
  writeFileSync(endpointsDir, 'no folder')
  t.throws(() => attach(context, world.spec()), { code: /EEXIST|ENOTDIR/ })
  rmSync(endpointsDir)
  t.equal(rulesIn(world.pod), '')
  t.same(listJournal(world.instance, t.fail), [])
  t.throws(() => attach(world.context(), world.spec()), { name: 'NotVethError' }, 'not asked for')
})
