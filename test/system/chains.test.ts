/** The usual chained plugins before vethwall and after it: each has its effect, passes CHECK, leaves nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CniChain, type Json } from '../cni-chain.js'
import { exec, Node, type Pod } from '../node.js'
import { pairLinks } from '../plugin-call.js'
import { startEcho } from './talk.js'

t.setTimeout(300_000)
const JOBS = 3
const ECHO_PORT = 7
const RATE_BITS_PER_S = 8_000_000
const node = new Node({ name: `vwtk${process.pid}` })
/** A machine beside the node, behind a router's port of it. */
const outside = `${node.instance.name}-outside`
const NODE_SIDE = ['192.0.2.1', '2001:db8::1'] as const
t.teardown(async () => {
  await exec('ip', ['netns', 'del', outside])
  await node.close()
})

type Kind = 'tuning' | 'portmap' | 'bandwidth' | 'firewall'
const KINDS: readonly Kind[] = ['tuning', 'portmap', 'bandwidth', 'firewall']

interface Place {
  readonly name: string
  readonly before: readonly Kind[]
  readonly after: readonly Kind[]
  readonly hostPort: number
}

const PLACES: readonly Place[] = [
  ...KINDS.flatMap((kind) => [
    { name: `${kind} before`, before: [kind], after: [] },
    { name: `${kind} after`, before: [], after: [kind] },
  ]),
  { name: 'all before', before: KINDS, after: [] },
  { name: 'all after', before: [], after: KINDS },
].map((place, at) => ({ ...place, hostPort: 8000 + at }))
/** portmap 1.1.1's own CHECK looks for each family's rules in both tables, and so fails, with us or without. */
const CHECK_BROKEN = 'portmap'

function entryOf(kind: Kind, { hostPort }: Place): Json & { type: string } {
  const portMappings = [{ hostPort, containerPort: ECHO_PORT, protocol: 'tcp' }]
  const rate = { ingressRate: RATE_BITS_PER_S, egressRate: RATE_BITS_PER_S }
  const entries = {
    tuning: {
      sysctl: { 'net.core.somaxconn': '321', 'net.ipv4.conf.eth0.arp_filter': '1' },
      dataDir: join(node.dir, 'tuning'),
    },
    portmap: { snat: true, capabilities: { portMappings: true }, runtimeConfig: { portMappings } },
    bandwidth: { ...rate, ingressBurst: RATE_BITS_PER_S, egressBurst: RATE_BITS_PER_S },
    firewall: { backend: 'iptables' },
  }
  return { type: kind, ...entries[kind] }
}

function chainOf(place: Place): CniChain {
  const { list, options } = node.chain
  const [bridge, ours] = list.plugins
  const entries = (kinds: readonly Kind[]) => kinds.map((kind) => entryOf(kind, place))
  const plugins = [bridge, ...entries(place.before), ours, ...entries(place.after)]
  return new CniChain({ ...list, plugins: plugins.flatMap((p) => p ?? []) }, options)
}

async function nodeText(command: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await node.exec(command, args)
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
  return stdout
}

/** What an echo server says to `hello`, asked from that namespace. */
async function echo(netns: string, host: string, port: number): Promise<string> {
  const script = `exec 3<>/dev/tcp/${host}/${port}; echo hello >&3; head -c 5 <&3`
  const inside = [`--net=/run/netns/${netns}`, 'timeout', '4', 'bash', '-c', script]
  return (await exec('nsenter', inside)).stdout
}

const addressesOf = ({ ip4, ip6 }: Pod): string[] => [ip4, ip6]

/** The primary's host veth, told by its place in the result. */
function hostIfNameOf({ result }: Pod): string {
  const interfaces = result.interfaces as { name: string; sandbox?: string }[]
  return interfaces.find(({ name }) => name.startsWith('veth'))?.name ?? ''
}

async function tuned(t: Test, pod: Pod): Promise<void> {
  const names = ['net.core.somaxconn', 'net.ipv4.conf.eth0.arp_filter']
  const { stdout } = await pod.exec('sysctl', ['-n', ...names])
  t.equal(stdout, '321\n1\n', 'tuning: both settings are in the pod')
  t.ok(existsSync(join(node.dir, 'tuning')), 'what they were is kept')
}

async function mapped(t: Test, _pod: Pod, { hostPort }: Place): Promise<void> {
  for (const host of NODE_SIDE) {
    t.equal(await echo(outside, host, hostPort), 'hello', `portmap: through the node, ${host}`)
    t.equal(await echo(node.netns, host, hostPort), 'hello', `portmap: from the node, ${host}`)
  }
}

async function limited(t: Test, pod: Pod): Promise<void> {
  const hostIfName = hostIfNameOf(pod)
  const qdiscs = JSON.parse(await nodeText('tc', '-j', 'qdisc')) as { kind: string; dev: string }[]
  const on = (dev: string) => qdiscs.flatMap((q) => (q.dev === dev ? [q.kind] : [])).sort()
  t.same(on(hostIfName), ['ingress', 'tbf'], `bandwidth: on ${hostIfName}`)
  const filters = await nodeText('tc', 'filter', 'show', 'dev', hostIfName, 'parent', 'ffff:')
  const [, ifb = 'none'] = /to device (\w+)/.exec(filters) ?? []
  t.same(on(ifb), ['tbf'], `bandwidth: and on ${ifb}, where its ingress goes`)
}

async function allowed(t: Test, pod: Pod): Promise<void> {
  const rules = [await nodeText('iptables', '-S'), await nodeText('ip6tables', '-S')].join('')
  for (const address of addressesOf(pod)) {
    t.match(rules, new RegExp(`CNI-FORWARD -d ${address}/\\d+ .*ACCEPT`), `firewall: ${address}`)
  }
}

const EFFECTS = { tuning: tuned, portmap: mapped, bandwidth: limited, firewall: allowed }

/** Everything on the node that names the pod. */
async function traces(pod: Pod): Promise<string[]> {
  const rules = await Promise.all(['iptables-save', 'ip6tables-save'].map((c) => nodeText(c)))
  const lines = rules.join('\n').split('\n')
  const named = [pod.containerID, ...addressesOf(pod).map((address) => `${address}/`)]
  return lines.filter((line) => named.some((name) => line.includes(name)))
}

async function through(t: Test, place: Place): Promise<void> {
  const chain = chainOf(place)
  const name = place.name.replace(/\W+/g, '-')
  const pod = await node.addPod(name, 'default', chain)
  await startEcho(pod, node.dir, { tcp: [ECHO_PORT] })
  for (const host of addressesOf(pod)) {
    t.equal(await echo(node.netns, host, ECHO_PORT), 'hello', `traffic to ${host}`)
  }
  for (const kind of [...place.before, ...place.after]) await EFFECTS[kind](t, pod, place)
  await t.resolves(chain.check(node.attachment(name), [CHECK_BROKEN]), 'CHECK, bridge included')

  const hostIfName = hostIfNameOf(pod)
  pod.stop()
  await chain.del(node.attachment(name))
  t.same(await traces(pod), [], 'no rule is left')
  const links = await nodeText('ip', '-o', 'link')
  t.notMatch(links, hostIfName, 'no host veth is left')
  await node.removePod(pod)
}

t.before(async () => {
  await exec('ip', ['netns', 'add', outside])
  const link = `link add out0 netns ${outside} type veth peer name in0 netns ${node.netns}`
  await exec('ip', link.split(' '))
  await exec('ip', ['-n', outside, 'link', 'set', 'lo', 'up'])
  for (const [netns, ifName, host] of [
    [node.netns, 'in0', 1],
    [outside, 'out0', 2],
  ] as const) {
    await exec('ip', ['-n', netns, 'link', 'set', ifName, 'up'])
    await exec('ip', ['-n', netns, 'address', 'add', `192.0.2.${host}/24`, 'dev', ifName])
    const v6 = ['address', 'add', `2001:db8::${host}/64`, 'dev', ifName, 'nodad']
    await exec('ip', ['-n', netns, ...v6])
  }
  await node.exec('sysctl', ['-qw', 'net.ipv6.conf.default.accept_dad=0'])
  mkdirSync(join(node.dir, 'tuning'))
  await node.startDpd()
})

t.test('each alone and all of them, on either side', async (t) => {
  t.jobs = JOBS
  await Promise.all(
    PLACES.map((place) => t.test(place.name, { buffered: true }, (t) => through(t, place))),
  )
})

t.test("portmap's own CHECK fails without us too", async (t) => {
  const chain = chainOf({ name: 'plain', before: [CHECK_BROKEN], after: [], hostPort: 8100 })
  const plugins = chain.list.plugins.filter(({ type }) => type !== 'vethwall')
  const plain = new CniChain({ ...chain.list, plugins }, chain.options)
  const pod = await node.addPod('plain', 'default', plain)
  await t.rejects(plain.check(node.attachment('plain')), { message: /^portmap CHECK/ })
  await plain.del(node.attachment('plain'))
  await node.removePod(pod)
})

t.test('nothing is left', async (t) => {
  t.same(await pairLinks(node), [], 'of ours')
  t.same(readdirSync(node.instance.endpointsDir), [])
  t.notMatch(await nodeText('ip', '-o', 'link'), /ifb|veth|bwp/, "of bandwidth's")
  t.notMatch(await nodeText('tc', 'qdisc'), /tbf|ingress/)
  t.notMatch(await nodeText('iptables-save'), /CNI-(DN|SN)-/, "of portmap's")
  t.same(readdirSync(join(node.dir, 'tuning')), [], "of tuning's")
  t.notMatch(readFileSync(join(node.dir, 'dpd.log'), 'utf8'), /"level":(50|60)/, "dpd's log")
})
