import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SUPPORTED_VERSIONS } from '../../src/core/cni/version.js'
import { callPlugin, type Json, PluginError } from '../cni-chain.js'
import { exec, Node, type Pod, until } from '../node.js'
import { root } from '../root.js'

const PLUGIN = join(root, 'dist', 'bin', 'vethwall')
let count = 0
t.setTimeout(240_000)

async function withNode(
  t: Test,
  options: Partial<ConstructorParameters<typeof Node>[0]> = {},
): Promise<Node> {
  const node = new Node({ name: `vwtp${process.pid}x${count++}`, ...options })
  t.teardown(() => node.close())
  return node
}

/** Answers to one echo request by each family. */
async function reaches(t: Test, from: Pod, to: Pod, claim: string): Promise<void> {
  for (const address of [to.ip4, to.ip6]) {
    const { status } = await from.exec('ping', ['-c', '1', '-W', '2', address])
    t.equal(status, 0, `${claim}: ${address}`)
  }
}

/** What stands in the enforcer namespace for pods. */
async function pairLinks(node: Node): Promise<string[]> {
  const { stdout } = await exec('ip', ['-n', node.instance.name, '-o', 'link'])
  return [...stdout.matchAll(/: (v(?:in|ex)-\w+)@/g)].map(([, name = '']) => name).sort()
}

t.test('without dpd and with a bare entry: intercepted, CHECK passes, traffic flows', async (t) => {
  const node = await withNode(t)
  const a = await node.addPod('a')
  const b = await node.addPod('b')
  t.equal((await pairLinks(node)).length, 4, 'two pairs in the enforcer namespace')
  await reaches(t, a, b, 'failure open goes direct')
  const ours = node.chain.list.plugins.at(-1)
  const exit = await call('CHECK', node, 'a', { ...ours, prevResult: a.result })
  t.same(exit, { status: 0, stdout: '', stderr: '' }, 'CHECK says nothing when all is well')
  await node.chain.check(node.attachment('a'))
  await node.removePod(a)
  t.equal((await pairLinks(node)).length, 2, 'DEL takes the pair away')
})

function call(verb: string, node: Node, pod: string, conf: Json, env: Record<string, string> = {}) {
  const { containerID, netns, ifName, args } = node.attachment(pod)
  const { cniVersion, name } = node.chain.list
  const variables = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: containerID,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args,
    CNI_PATH: '/opt/cni/bin',
    ...env,
  }
  const stdin = JSON.stringify({ cniVersion, name, ...conf })
  return callPlugin(PLUGIN, variables, stdin, `/run/netns/${node.netns}`)
}

t.test('the result is prevResult, octet for octet, in every version', async (t) => {
  for (const cniVersion of SUPPORTED_VERSIONS) {
    // bridge 1.1.1 knows no 1.1.0: there its 1.0.0 result is handed on, as libcni converts it.
    const node = await withNode(t, { cniVersion: cniVersion === '1.1.0' ? '1.0.0' : cniVersion })
    const plain = await node.addPlainPod('a')
    const prevResult = { ...plain.result, cniVersion }
    const conf = { ...node.chain.list.plugins.at(-1), cniVersion, prevResult }
    const exit = await call('ADD', node, 'a', conf)
    t.equal(exit.status, 0, exit.stdout)
    t.equal(exit.stdout.trim(), JSON.stringify(prevResult), cniVersion)
    const again = await call('ADD', node, 'a', conf)
    t.equal(again.status, 0, 'ADD twice finds the swap')
    t.equal((await pairLinks(node)).length, 2, 'and makes no second one')
  }
})

t.test('behind ptp as behind bridge', async (t) => {
  const node = await withNode(t, { primary: 'ptp' })
  const a = await node.addPod('a')
  const b = await node.addPod('b')
  t.equal((await pairLinks(node)).length, 4)
  // The host's end of ptp does its own duplicate address detection, with us or without.
  await until('the host side is ready', async () => {
    return (await a.exec('ping', ['-c', '1', '-W', '1', b.ip6])).status === 0
  })
  await reaches(t, a, b, "ptp's routes were replayed")
  await node.removePod(a)
  t.equal((await pairLinks(node)).length, 2)
})

t.test('DEL in all four shapes, twice each', async (t) => {
  const node = await withNode(t)
  const peer = await node.addPod('peer')
  let number = 0
  for (const netns of [true, false]) {
    for (const prevResult of [true, false]) {
      const pod = await node.addPod(`p${number++}`)
      await reaches(t, pod, peer, 'before')
      const shape = { netns, prevResult }
      for (const time of ['first', 'second']) {
        await node.chain.del(node.attachment(pod.name), shape)
        t.equal((await pairLinks(node)).length, 2, `${time} DEL ${JSON.stringify(shape)}`)
      }
    }
  }
  await exec('ip', ['netns', 'del', peer.netns])
  await node.chain.del(node.attachment('peer'), { netns: true, prevResult: true })
  t.same(await pairLinks(node), [], 'DEL after the namespace is gone')
  t.same(readdirSync(node.instance.endpointsDir), [], 'no record stays')
  t.same(readdirSync(node.instance.journalDir), [], 'no journal stays')
})

t.test('DEL of what never was succeeds', async (t) => {
  const node = await withNode(t)
  const { type, instance } = node.chain.list.plugins.at(-1) as { type: string; instance: string }
  const exit = await call('DEL', node, 'ghost', { type, instance }, { CNI_NETNS: '' })
  t.same(exit, { status: 0, stdout: '', stderr: '' })
})

t.test('a pod that lives gets its own interface back at DEL', async (t) => {
  const node = await withNode(t)
  const peer = await node.addPod('peer')
  const pod = await node.addPlainPod('a')
  const before = JSON.parse((await pod.exec('ip', ['-j', 'addr', 'show', 'dev', 'eth0'])).stdout)
  const ours = node.chain.list.plugins.at(-1)
  const added = await call('ADD', node, 'a', { ...ours, prevResult: pod.result })
  t.equal(added.status, 0, added.stdout)
  await reaches(t, pod, peer, 'intercepted')
  const during = JSON.parse((await pod.exec('ip', ['-j', 'addr', 'show', 'dev', 'eth0'])).stdout)
  const deleted = await call('DEL', node, 'a', { ...ours })
  t.equal(deleted.status, 0, deleted.stdout)
  const after = JSON.parse((await pod.exec('ip', ['-j', 'addr', 'show', 'dev', 'eth0'])).stdout)
  t.match(after[0], {
    ifindex: during[0].ifindex,
    address: before[0].address,
    link_index: before[0].link_index,
  })
  await reaches(t, pod, peer, 'given back')
})

t.test('environment: PATH unset, hostile NODE_* and LD_*', async (t) => {
  const node = await withNode(t)
  const hostile = {
    NODE_OPTIONS: '--require /nonexistent.js',
    NODE_EXTRA_CA_CERTS: '/etc/passwd',
    LD_LIBRARY_PATH: '/nonexistent',
    NODE_PATH: '/nonexistent',
  }
  const plain = await node.addPlainPod('a')
  const ours = node.chain.list.plugins.at(-1)
  const exit = await call('ADD', node, 'a', { ...ours, prevResult: plain.result }, hostile)
  t.equal(exit.status, 0, exit.stdout + exit.stderr)
  t.equal(exit.stdout.trim(), JSON.stringify(plain.result))
})

t.test('errors are CNI error objects on stdout', async (t) => {
  const node = await withNode(t)
  const pod = await node.addPlainPod('a')
  const ours = node.chain.list.plugins.at(-1)
  const good = { ...ours, prevResult: pod.result }
  const cases: readonly { name: string; conf: Json; env: Record<string, string>; code: number }[] =
    [
      { name: 'environment comes first', conf: good, env: { CNI_IFNAME: '' }, code: 4 },
      { name: 'version', conf: { ...good, cniVersion: '0.2.0' }, env: {}, code: 1 },
      { name: 'no prevResult', conf: { ...ours }, env: {}, code: 7 },
      { name: 'a bad value of ours', conf: { ...good, failure: 'perhaps' }, env: {}, code: 7 },
      { name: 'netns is a file', conf: good, env: { CNI_NETNS: '/etc/passwd' }, code: 8 },
      { name: 'netns is gone', conf: good, env: { CNI_NETNS: '/run/netns/none' }, code: 8 },
      {
        name: "netns is the node's",
        conf: good,
        env: { CNI_NETNS: `/run/netns/${node.netns}` },
        code: 8,
      },
      { name: 'no such interface', conf: good, env: { CNI_IFNAME: 'eth7' }, code: 7 },
    ]
  for (const c of cases) {
    const exit = await call('ADD', node, 'a', c.conf, c.env)
    t.equal(exit.status, 1, c.name)
    t.match(JSON.parse(exit.stdout), { code: c.code, msg: /./ }, `${c.name}: ${exit.stdout}`)
  }
  const junk = await callPlugin(
    PLUGIN,
    {
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: 'x',
      CNI_NETNS: '/x',
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/',
    },
    'junk',
  )
  t.match(JSON.parse(junk.stdout), { code: 6 })
  t.same(await pairLinks(node), [], 'none of it made a pair')
})

t.test('VERSION needs nothing; no command prints what this is', async (t) => {
  const version = await callPlugin(PLUGIN, { CNI_COMMAND: 'VERSION' }, '')
  t.match(JSON.parse(version.stdout), { supportedVersions: SUPPORTED_VERSIONS })
  const about = await callPlugin(PLUGIN, {}, '')
  t.match(about, { status: 0, stdout: '', stderr: /chained CNI plugin/ })
})

t.test('an interface that is no veth', async (t) => {
  const node = await withNode(t)
  await exec('ip', ['netns', 'add', `${node.instance.name}-b`])
  t.teardown(() => exec('ip', ['netns', 'del', `${node.instance.name}-b`]))
  await exec('ip', ['-n', `${node.instance.name}-b`, 'link', 'add', 'eth0', 'type', 'bridge'])
  const conf = { type: 'vethwall', instance: node.instance.name, prevResult: { ips: [] } }
  const open = await call('ADD', node, 'b', conf)
  t.match(
    open,
    { status: 0, stderr: /kind "bridge".*passed without interception/ },
    'open: passed, and said',
  )
  const closed = await call('ADD', node, 'b', { ...conf, failure: 'closed' })
  t.match(JSON.parse(closed.stdout), { code: 102, msg: /kind "bridge"/ }, 'closed: refused')
})

t.test('a pod killed with its plugin half-way is whole after the next call', async (t) => {
  const node = await withNode(t)
  const peer = await node.addPod('peer')
  const pod = await node.addPlainPod('a')
  const ours = node.chain.list.plugins.at(-1)
  const attachment = node.attachment('a')
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: attachment.containerID,
    CNI_NETNS: attachment.netns,
    CNI_IFNAME: 'eth0',
    CNI_ARGS: attachment.args,
    CNI_PATH: '/',
  }
  const stdin = JSON.stringify({
    cniVersion: '1.0.0',
    name: node.chain.list.name,
    ...ours,
    prevResult: pod.result,
  })
  for (let ms = 20; ms <= 140; ms += 20) {
    const input = ['-s', 'KILL', `${ms / 1000}`, PLUGIN]
    await exec(
      'nsenter',
      [
        `--net=/run/netns/${node.netns}`,
        'env',
        '-i',
        ...Object.entries(env).map(([k, v]) => `${k}=${v}`),
        '/usr/bin/timeout',
        ...input,
      ],
      { input: stdin },
    )
    const deleted = await call('DEL', node, 'a', { ...ours })
    t.equal(deleted.status, 0, `DEL after a kill at ${ms} ms ${deleted.stdout}`)
    await reaches(t, pod, peer, `as before after a kill at ${ms} ms`)
  }
  t.equal((await pairLinks(node)).length, 2, 'only the peer is intercepted')
})

t.test('PluginError shows what the plugin said', async (t) => {
  const error = new PluginError('x', 'ADD', {
    status: 1,
    stdout: '{"code":7,"msg":"m"}',
    stderr: '',
  })
  t.equal(error.code, 7)
  t.match(readFileSync(PLUGIN, 'utf8'), /env -i/)
})
