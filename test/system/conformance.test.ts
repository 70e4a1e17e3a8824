/**
 * The conformance matrix: every verb × version × primary plugin × address family, as the program that a node has,
 * with dpd. The specification has no suite of its own.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LATEST_VERSION, SUPPORTED_VERSIONS } from '../../src/core/cni/version.js'
import { recordPath } from '../../src/intercept/endpoint-records.js'
import { vexName, vinName } from '../../src/intercept/link-names.js'
import { type Attachment, CniChain, type Json, type PluginExit } from '../cni-chain.js'
import { exec, Node, until } from '../node.js'
import { callWith, type Env, pairLinks, SILENT_SUCCESS } from '../plugin-call.js'
import { writeScriptedPrimary } from '../scripted-primary.js'
import {
  isSince,
  type Life,
  lives,
  RESULT_SHAPES,
  type Step,
  stepsOf,
} from './conformance-cells.js'

t.setTimeout(600_000)
const EXTENT = process.env.SOAK === '1' ? 'all' : 'part'
/** Lives at a time. */
const JOBS = 3
const node = new Node({ name: `vwtm${process.pid}` })
t.teardown(() => node.close())

/** What a life needs to be called with. */
interface World {
  readonly life: Life
  readonly pod: string
  readonly attachment: Attachment
  /** The primary alone. */
  readonly chain: CniChain
  readonly conf: Json
  readonly prevText: string
  /** On the node's side, one of each family. */
  readonly neighbours: readonly string[]
}

const titleOf = ({ version, primary, families, shape }: Life): string =>
  `${version} behind ${primary === 'scripted' ? `a scripted primary, ${shape}` : primary}, ${families}`

/** Family by family: subnet, the node's address, the pod's where the script gives it. */
function networksOf({ number, families }: Life) {
  const v4 = { subnet: `10.${50 + number}.0.0/24`, host: `10.${50 + number}.0.1` }
  const v6 = { subnet: `fd00:${50 + number}::/64`, host: `fd00:${50 + number}::1` }
  const ends = [
    { ...v4, pod: `10.${50 + number}.0.2`, prefix: 24 },
    { ...v6, pod: `fd00:${50 + number}::2`, prefix: 64 },
  ]
  return families === 'dual'
    ? ends
    : [families === 'IPv4' ? ends[0] : ends[1]].flatMap((e) => e ?? [])
}

function primaryOf(
  life: Life,
  netns: string,
): { conf: Json & { type: string }; text: string | null } {
  const networks = networksOf(life)
  if (life.primary !== 'scripted') {
    const kind =
      life.primary === 'ptp'
        ? { type: 'ptp' }
        : { type: 'bridge', bridge: `br${life.number}`, isGateway: true }
    const ranges = networks.map(({ subnet }) => [{ subnet }])
    const ipam = { type: 'host-local', dataDir: join(node.dir, 'ipam'), ranges }
    return { conf: { ...kind, ipam }, text: null }
  }
  const type = `scripted${life.number}`
  const ips = JSON.stringify(
    networks.map((n) => ({ address: `${n.pod}/${n.prefix}`, gateway: n.host })),
  )
  const text = RESULT_SHAPES[life.shape]
    .replaceAll('VERSION', life.version)
    .replaceAll('NETNS', netns)
    .replaceAll('IPS', ips)
  writeScriptedPrimary(join(node.dir, 'bin'), {
    ...{ type, hostIfName: `sc${life.number}`, result: text },
    addresses: networks.map((n) => ({
      host: `${n.host}/${n.prefix}`,
      pod: `${n.pod}/${n.prefix}`,
    })),
  })
  return { conf: { type }, text }
}

async function makeWorld(life: Life): Promise<World> {
  const pod = `p${life.number}`
  const attachment = node.attachment(pod)
  const { conf: primary, text } = primaryOf(life, attachment.netns)
  const list = { cniVersion: life.version, name: `${node.instance.name}-${life.number}` }
  const chain = new CniChain({ ...list, plugins: [primary] }, node.chain.options)
  await exec('ip', ['netns', 'add', attachment.netns.replace('/run/netns/', '')])
  const result = await chain.add(attachment)
  return {
    ...{ life, pod, attachment, chain },
    conf: { ...list, ...node.chain.list.plugins.at(-1) },
    prevText: text ?? JSON.stringify(result),
    neighbours: networksOf(life).map(({ host }) => host),
  }
}

const stdinOf = (conf: Json, prevText: string | null): string =>
  prevText === null
    ? JSON.stringify(conf)
    : `${JSON.stringify(conf).slice(0, -1)},"prevResult":${prevText}}`

const NO_ATTACHMENT: Env = { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' }

function run({ pod, conf, prevText, attachment }: World, step: Step): Promise<PluginExit> {
  const isAttachments = step.verb === 'ADD' || step.verb === 'CHECK' || step.verb === 'DEL'
  const { containerID, ifName } = attachment
  const valid = [{ containerID, ifname: ifName }]
  const keys = step.verb === 'GC' ? { ...conf, 'cni.dev/valid-attachments': valid } : conf
  return callWith(node, pod, stdinOf(keys, step.prevResult ? prevText : null), {
    CNI_COMMAND: step.verb,
    ...(isAttachments ? {} : NO_ATTACHMENT),
    ...(step.netns ? {} : { CNI_NETNS: '' }),
  })
}

/** What the verb must answer with. */
function wanted({ life, prevText, conf }: World, step: Step): PluginExit | Json {
  if (!isSince(life.version, step.since)) return { code: 1, cniVersion: life.version }
  if (step.name === 'CHECK after DEL') return { code: 3, cniVersion: life.version }
  if (step.verb === 'ADD') return { ...SILENT_SUCCESS, stdout: `${prevText}\n` }
  if (step.verb !== 'VERSION') return SILENT_SUCCESS
  const version = { cniVersion: conf.cniVersion, supportedVersions: SUPPORTED_VERSIONS }
  return { ...SILENT_SUCCESS, stdout: `${JSON.stringify(version)}\n` }
}

/** Both families at once; true = each answered. */
async function reaches({ attachment, neighbours }: World): Promise<boolean> {
  const pings = neighbours.map((address) =>
    exec('nsenter', [`--net=${attachment.netns}`, 'ping', '-c', '1', '-W', '2', address]),
  )
  return (await Promise.all(pings)).every(({ status }) => status === 0)
}

async function linksOf({ attachment }: World): Promise<string[]> {
  const own = [vinName(attachment), vexName(attachment)]
  return (await pairLinks(node)).filter((name) => own.includes(name))
}

async function cell(t: Test, world: World, step: Step, before: boolean): Promise<boolean> {
  const exit = await run(world, step)
  const want = wanted(world, step)
  if ('status' in want) t.same(exit, want, `${step.name}: status and output`)
  else
    t.match({ ...exit, ...JSON.parse(exit.stdout) }, { status: 1, stderr: '', ...want }, step.name)
  const isDone = 'status' in want && step.intercepted !== null
  const after = isDone ? step.intercepted === true : before
  t.equal((await linksOf(world)).length, after ? 2 : 0, `${step.name}: links`)
  if (step.intercepted !== null) t.ok(await reaches(world), `${step.name}: traffic`)
  t.equal(existsSync(recordPath(node.instance, world.attachment)), after, `${step.name}: record`)
  return after
}

async function liveThrough(t: Test, life: Life): Promise<void> {
  const world = await makeWorld(life)
  let isIntercepted = false
  for (const step of stepsOf(life, EXTENT))
    isIntercepted = await cell(t, world, step, isIntercepted)
  await world.chain.del(world.attachment)
  await exec('ip', ['netns', 'del', world.attachment.netns.replace('/run/netns/', '')])
}

t.test('lives', async (t) => {
  await node.exec('sysctl', ['-qw', 'net.ipv6.conf.default.accept_dad=0'])
  await node.startDpd()
  const all = lives(EXTENT)
  const cells = all.flatMap((life) => stepsOf(life, EXTENT))
  t.comment(`${cells.length} cells in ${all.length} lives`)
  t.jobs = JOBS
  await Promise.all(
    all.map((life) => t.test(titleOf(life), { buffered: true }, (t) => liveThrough(t, life))),
  )
})

/** What is refused with what; the order and every other shape are in test/plugin/dispatch.test.ts. */
const REFUSALS: readonly { name: string; env?: Env; conf?: Json; text?: string; code: number }[] = [
  { name: 'no interface name', env: { CNI_IFNAME: '' }, code: 4 },
  { name: 'junk on stdin', text: 'junk', code: 6 },
  { name: 'two documents on stdin', text: '{}{}', code: 6 },
  { name: 'an unknown version', conf: { cniVersion: '0.2.0' }, code: 1 },
  { name: 'no network name', conf: { name: undefined }, code: 7 },
  { name: 'a bad value of ours', conf: { failure: 'perhaps' }, code: 7 },
  { name: 'no prevResult', conf: { prevResult: null }, code: 7 },
  { name: 'no such interface', env: { CNI_IFNAME: 'eth7' }, code: 7 },
  { name: 'netns is a file', env: { CNI_NETNS: '/etc/passwd' }, code: 8 },
  { name: 'netns is gone', env: { CNI_NETNS: '/run/netns/none' }, code: 8 },
  { name: "netns is the node's", env: { CNI_NETNS: `/run/netns/${node.netns}` }, code: 8 },
]

t.test('refusals', async (t) => {
  const { result } = await node.addPlainPod('refused')
  for (const version of SUPPORTED_VERSIONS) {
    const { name, plugins } = node.chain.list
    const good = { cniVersion: version, name, ...plugins.at(-1), prevResult: result }
    for (const { name, env = {}, conf = {}, text, code } of REFUSALS) {
      const config: Json = { ...good, ...conf }
      const stdin = text ?? JSON.stringify(config)
      const exit = await callWith(node, 'refused', stdin, { CNI_COMMAND: 'ADD', ...env })
      const cniVersion = text === undefined ? config.cniVersion : LATEST_VERSION
      t.match(exit, { status: 1, stderr: '', stdout: /^\{.*\}\n$/ }, `${version}, ${name}`)
      t.match(JSON.parse(exit.stdout), { code, cniVersion, msg: /./ }, exit.stdout)
    }
  }
  t.comment(`${SUPPORTED_VERSIONS.length * REFUSALS.length} cells`)
})

t.test('nothing is left', async (t) => {
  t.same(await pairLinks(node), [])
  const { instance } = node
  const { endpointsDir, endpointsSpareDir, journalDir, runDir } = instance
  for (const dir of [endpointsDir, endpointsSpareDir, journalDir, join(runDir, 'locks')]) {
    t.same(readdirSync(dir), [], dir)
  }
  const isFile = (name: string) => !/^(lock|last_reserved_ip)/.test(name)
  const networks = readdirSync(join(node.dir, 'ipam'))
  const addresses = networks.flatMap((name) => readdirSync(join(node.dir, 'ipam', name)))
  t.equal(addresses.filter(isFile).length, 2, 'addresses of that pod alone are reserved')
  const { stdout } = await node.exec('ip', ['-o', 'link'])
  const hosts = [...stdout.matchAll(/: (veth\w+|sc\d+)@/g)]
  t.equal(hosts.length, 1, "the primaries' links: that of the pod that was refused alone")
  await until('dpd has forgotten all', async () => {
    const answer = (await node.api('/v1/endpoints')) as { endpoints: unknown[] } | null
    return answer?.endpoints.length === 0
  })
})
