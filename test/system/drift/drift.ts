/**
 * Each link, filter, map entry, qdisc, pin and mount of ours, deleted or changed by hand, is as it was within
 * 5 s, counted and logged once.
 */

import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import t, { type Test } from 'tap'
import { linksOf } from '../../../src/core/endpoint.js'
import { os } from '../../../src/intercept/addon.js'
import { keptPath, keyLockPath } from '../../../src/intercept/endpoint-records.js'
import { PluginError } from '../../cni-chain.js'
import { Node, type Pod, until } from '../../node.js'
import { exec } from '../../process.js'
import { startEcho, talk } from '../talk.js'
import { type Damage, endpointDamages, sharedDamages } from './damages.js'
import { recordOf } from './maps.js'
import { picture } from './picture.js'

const REPAIRED_MS = 5000
/** Damaged at once, each by another row of the table. */
const PODS = 7

t.setTimeout(240_000)
await dropForeignMounts()
t.test('drift', drift)

/** Copies of other tests' namespaces would keep those alive. */
async function dropForeignMounts(): Promise<void> {
  const { stdout } = await exec('findmnt', ['-rno', 'TARGET', '-t', 'nsfs'])
  for (const path of stdout.split('\n').filter((line) => line !== '')) {
    await exec('umount', ['-l', path])
  }
}

interface World {
  readonly node: Node
  readonly client: Pod
  readonly pods: readonly Pod[]
}

async function makeWorld(t: Test): Promise<World> {
  const node = new Node({ name: `vwdr${process.pid}`, dpdConfig: 'defaults: { mode: protect }' })
  t.teardown(() => node.close())
  await node.startDpd()
  const client = await node.addPod('client')
  const pods: Pod[] = []
  for (let i = 0; i < PODS; i++) {
    const pod = await node.addPod(`p${i}`)
    pods.push(pod)
    await startEcho(pod, node.dir, { tcp: [7], udp: [7] })
  }
  return { node, client, pods }
}

/** TCP and UDP, both families, from a pod and from the node. */
async function reachAll(t: Test, { client, pods }: World, when: string): Promise<void> {
  const calls = pods.flatMap(({ ip4, ip6 }) =>
    [ip4, ip6].flatMap((host) =>
      (['tcp', 'udp'] as const).map((protocol) => ({ protocol, host, port: 7 })),
    ),
  )
  const heard = await talk(client, calls)
  const deaf = heard.flatMap(({ how }, i) => (how === 'ok' ? [] : [{ how, ...calls[i] }]))
  t.same(deaf, [], `${when}: every pod answers`)
}

async function metric(node: Node, name: string): Promise<ReadonlyMap<string, number>> {
  const socket = node.instance.socketPath
  const { stdout: text } = await exec('curl', [
    '-sS',
    '--unix-socket',
    socket,
    'http://dpd/metrics',
  ])
  const lines = text.matchAll(new RegExp(`^vethwall_${name}(?:{what="(\\w+)"})? (\\d+)$`, 'gm'))
  return new Map([...lines].map(([, what = '', value]) => [what, Number(value)]))
}

function logged(node: Node, what: 'drift repaired' | 'drift not repaired'): string[] {
  const lines = readFileSync(`${node.dir}/dpd.log`, 'utf8').split('\n')
  return lines.filter((line) => line.includes(`: ${what}: `))
}

const repairedLines = (node: Node): string[] => logged(node, 'drift repaired')

/** One batch: all damages at once, then everything is as before. */
async function mends(t: Test, world: World, damages: readonly Damage[]): Promise<void> {
  const { node } = world
  const before = picture(node)
  const counted = await metric(node, 'drift_repaired_total')
  const linesBefore = repairedLines(node).length
  // All at one moment: what is damaged while a pass repairs is repaired by it uncounted.
  node.dpd?.kill('SIGSTOP')
  try {
    for (const damage of damages) damage.apply()
  } finally {
    node.dpd?.kill('SIGCONT')
  }
  t.notSame(picture(node), before, 'there is a difference')
  const from = Date.now()
  let now = picture(node)
  await until(
    `${damages.map(({ name }) => name).join(', ')}: repaired`,
    () => {
      now = picture(node)
      return JSON.stringify(now) === JSON.stringify(before)
    },
    REPAIRED_MS,
  ).catch(() => t.same(now, before, 'repaired in time'))
  t.comment(`${damages.length} repaired in ${Date.now() - from} ms`)
  const after = await metric(node, 'drift_repaired_total')
  const lines = repairedLines(node).slice(linesBefore)
  t.same(logged(node, 'drift not repaired'), [], 'at the first attempt')
  for (const { name, what, subject } of damages) {
    t.ok((after.get(what) ?? 0) > (counted.get(what) ?? 0), `${name}: counted as ${what}`)
    t.equal(lines.filter((line) => line.includes(subject)).length, 1, `${name}: one line`)
  }
}

async function passes(node: Node, count: number): Promise<void> {
  const done = async () => (await metric(node, 'drift_passes_total')).get('') ?? 0
  const from = await done()
  await until(`${count} passes`, async () => (await done()) >= from + count)
}

async function drift(t: Test): Promise<void> {
  const world = await makeWorld(t)
  const { node, pods } = world
  // The primary's host veths are more than their defaults.
  for (const { containerID } of pods) {
    const host = linksOf(recordOf(node, containerID)).hostIfindex
    const { stdout } = await node.exec('ip', ['-o', 'link'])
    const name = new RegExp(`^${host}: ([^@]+)@`, 'm').exec(stdout)?.[1] ?? ''
    const port = ['type', 'bridge_slave', 'hairpin', 'on', 'isolated', 'off']
    t.equal((await node.exec('ip', ['link', 'set', 'dev', name, ...port])).status, 0)
  }
  // Each is looked at again after 8 passes.
  await passes(node, 8 + PODS)
  t.same(repairedLines(node), [], 'no drift after ADD')
  await reachAll(t, world, 'before')

  const ofEndpoints = endpointDamages(node)
  for (let at = 0; at < ofEndpoints.length; at += PODS) {
    const rows = ofEndpoints.slice(at, at + PODS)
    await t.test(rows.map(({ name }) => name).join(', '), async (t) => {
      const damages = rows.map((row, i) => row.on(pods[i]?.containerID ?? ''))
      await mends(t, world, damages)
      await reachAll(t, world, 'after')
    })
  }
  for (const batch of sharedDamages(node)) {
    await t.test(batch.map(({ name }) => name).join(', '), async (t) => {
      await mends(t, world, batch)
      await reachAll(t, world, 'after')
    })
  }
  await t.test('no repair without drift', (t) => staysSteady(t, world))
  await t.test('a plugin at work is left alone', (t) => leavesPluginAlone(t, world))
  await t.test('what cannot be repaired is told once', (t) => tellsUnrepaired(t, world))
  await t.test('CHECK names every difference', (t) => checkNames(t, world))
}

async function staysSteady(t: Test, { node }: World): Promise<void> {
  const linesBefore = repairedLines(node).length
  await passes(node, 3)
  t.equal(repairedLines(node).length, linesBefore)
}

const enforcer = (node: Node, ...args: string[]) => exec('ip', ['-n', node.instance.name, ...args])

async function leavesPluginAlone(t: Test, { node, pods }: World): Promise<void> {
  const key = { containerID: pods[0]?.containerID ?? '', ifName: 'eth0' }
  const { vinName } = linksOf(recordOf(node, key.containerID))
  const isUp = async () => (await enforcer(node, 'link', 'show', vinName)).stdout.includes(',UP')
  const path = keyLockPath(node.instance, key)
  const lock = openSync(path, 'a')
  t.ok(os.flock(lock, 0), 'as a plugin holds it')
  await enforcer(node, 'link', 'set', vinName, 'down')
  await passes(node, 3)
  t.notOk(await isUp(), 'left as it is')
  rmSync(path)
  closeSync(lock)
  await until('set back after it', isUp, REPAIRED_MS)
}

async function tellsUnrepaired(t: Test, { node, pods }: World): Promise<void> {
  const pod = pods[1]
  if (pod === undefined) return
  const { vinName } = linksOf(recordOf(node, pod.containerID))
  await enforcer(node, 'link', 'del', vinName)
  const key = { containerID: pod.containerID, ifName: 'eth0' }
  t.ok(existsSync(keptPath(node.instance, key)))
  rmSync(keptPath(node.instance, key))
  await until(
    'told',
    async () => (await node.dpctl('status')).stdout.includes(vinName),
    REPAIRED_MS,
  )
  t.equal((await metric(node, 'drift_unrepaired')).get('link'), 1)
  await passes(node, 2)
  t.equal(logged(node, 'drift not repaired').length, 1, 'once')
  await node.removePod(pod)
  await passes(node, 1)
  t.equal((await metric(node, 'drift_unrepaired')).get('link'), 0, 'gone with its pod')
}

/** Which of the table CHECK can be shown at once on one endpoint; paths are dpd's affair. */
const SHOWN_TO_CHECK = [
  ...['vex down', 'MTU of vex', 'MAC of vex', 'alias of vin', 'foreign filter beside ours'],
  ...['egress qdisc on vin', 'MAC in the map', 'device of another id'],
  ...['spare unmounted and its file gone', 'vth down', 'filter of vbr deleted', 'forwarding on'],
]

async function checkNames(t: Test, { node, pods }: World): Promise<void> {
  const pod = pods[2]
  if (pod === undefined) return
  await node.stopDpd()
  const attachment = node.attachment(pod.name)
  await node.chain.check(attachment)
  const all = [
    ...endpointDamages(node).map((row) => row.on(pod.containerID)),
    ...sharedDamages(node).flat(),
  ]
  const damages = all.filter(({ name }) => SHOWN_TO_CHECK.includes(name))
  t.equal(damages.length, SHOWN_TO_CHECK.length)
  for (const damage of damages) damage.apply()
  const refused = await node.chain.check(attachment).then(
    () => null,
    (error: unknown) => error,
  )
  if (!(refused instanceof PluginError)) throw new Error(`CHECK passed: ${String(refused)}`)
  t.equal(refused.code, 101)
  for (const { name, subject } of damages) t.ok(refused.exit.stdout.includes(subject), name)
}
