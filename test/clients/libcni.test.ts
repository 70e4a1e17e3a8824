import './machine.js'
import t, { type Test } from 'tap'
import type { Attachment, Conflist } from '../cni-chain.js'
import { exec, Node } from '../node.js'
import { leftovers, settledLeftovers } from './leftovers.js'
import { LibcniDriver } from './libcni/driver.js'
import { machineName } from './machine.js'

t.setTimeout(240_000)
const VERSIONS = ['0.3.1', '0.4.0', '1.0.0'] as const
const PRIMARIES = ['bridge', 'ptp'] as const
let count = 0

interface World {
  readonly node: Node
  readonly driver: LibcniDriver
}

async function start(t: Test): Promise<World> {
  const node = new Node({ name: machineName })
  t.teardown(() => node.close())
  await node.startDpd()
  return { node, driver: await LibcniDriver.build(node) }
}

/** The node's chain in another version, behind that primary plugin. */
function listOf(
  { chain }: Node,
  primary: (typeof PRIMARIES)[number],
  cniVersion: string,
): Conflist {
  const [bridge, ...rest] = chain.list.plugins
  const first = primary === 'bridge' ? bridge : { type: 'ptp', ipam: bridge?.ipam }
  const name = `${chain.list.name}-${primary}`
  return { ...chain.list, name, cniVersion, plugins: [first, ...rest] as Conflist['plugins'] }
}

/** A container's network namespace, gone at the test's end. */
async function container(t: Test): Promise<Attachment> {
  const name = `${machineName}-c${count++}`
  await exec('ip', ['netns', 'add', name])
  t.teardown(() => exec('ip', ['netns', 'del', name]))
  return { containerID: name, netns: `/run/netns/${name}`, ifName: 'eth0' }
}

async function intercepted({ node }: World): Promise<string[]> {
  const { pods } = (await node.api('/v1/pods')) as { pods: { namespace: string; pod: string }[] }
  return pods.map(({ namespace, pod }) => `${namespace}/${pod}`)
}

/** Both gateways answer. */
async function reaches(t: Test, { netns }: Attachment, result: string): Promise<void> {
  const { ips } = JSON.parse(result) as { ips: { gateway: string }[] }
  t.equal(ips.length, 2, 'an address of each family')
  for (const { gateway } of ips) {
    const args = [`--net=${netns}`, 'ping', '-c', '1', '-W', '5', gateway]
    t.equal((await exec('nsenter', args)).status, 0, `${gateway} answers`)
  }
}

/** Nothing but the namespace that the test itself still has. */
async function isClean(t: Test, { node }: World, { netns }: Attachment, claim: string) {
  const left = (await leftovers(node)).filter((what) => what !== `netns ${netns.split('/').at(-1)}`)
  t.strictSame(left, [], claim)
}

async function lifeOf(t: Test, world: World, list: Conflist): Promise<void> {
  const { driver } = world
  const pod = await container(t)
  const added = await driver.run('add', list, pod)
  t.equal(added.status, 0, added.stderr)
  t.equal((JSON.parse(added.stdout) as Conflist).cniVersion, list.cniVersion)
  t.strictSame(await intercepted(world), [`libcni/${pod.containerID}`], 'intercepted')
  await reaches(t, pod, added.stdout)

  const checked = await driver.run('check', list, pod)
  if (list.cniVersion === '0.3.1')
    t.match(checked.stderr, /does not support the CHECK command/, 'libcni asks nobody')
  else t.same(checked, { status: 0, stdout: '', stderr: '' }, 'CHECK of the whole chain')

  const again = await driver.run('add', list, pod)
  t.match(again.stderr, /already exists|duplicate/, 'the primary refuses a second ADD')
  t.strictSame(await intercepted(world), [`libcni/${pod.containerID}`], 'as it was')
  await reaches(t, pod, added.stdout)

  for (const time of ['first', 'second'])
    t.same((await driver.run('del', list, pod)).stderr, '', `${time} DEL`)
  await isClean(t, world, pod, 'nothing is left')

  t.equal((await driver.run('add', list, pod)).status, 0, 'ADD once more')
  driver.forget()
  t.same((await driver.run('del', list, pod)).stderr, '', 'DEL without cache')
  await isClean(t, world, pod, 'nothing is left either')
}

t.test('libcni 1.1 in Go (GC, STATUS and 1.1.0 need 1.2, which is not to be had)', async (t) => {
  const world = await start(t)
  for (const primary of PRIMARIES) {
    for (const version of VERSIONS) {
      await t.test(`${primary}, ${version}`, (t) =>
        lifeOf(t, world, listOf(world.node, primary, version)),
      )
    }
  }

  await t.test('DEL with a cache file of no octets', async (t) => {
    const list = listOf(world.node, 'bridge', '1.0.0')
    const pod = await container(t)
    t.equal((await world.driver.run('add', list, pod)).status, 0)
    world.driver.truncate()
    const refused = await world.driver.run('del', list, pod)
    t.match(refused.stderr, /cached result/, 'libcni fails before it calls a plugin')
    t.equal((await intercepted(world)).length, 1, 'the pod stays as it is')
    world.driver.forget()
    t.same((await world.driver.run('del', list, pod)).stderr, '', 'DEL when the file is gone')
    await isClean(t, world, pod, 'nothing is left')
  })

  await t.test('DEL after the namespace, and without one', async (t) => {
    const list = listOf(world.node, 'bridge', '1.0.0')
    const pod = await container(t)
    t.equal((await world.driver.run('add', list, pod)).status, 0)
    await exec('ip', ['netns', 'del', `${pod.containerID}`])
    t.same((await world.driver.run('del', list, { ...pod, netns: '' })).stderr, '')
    t.strictSame(await settledLeftovers(world.node), [], 'nothing is left')
  })
})
