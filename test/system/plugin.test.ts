/** The plugin beyond the matrix of conformance.test.ts: without dpd, in odd places, killed. */
import { readdirSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { PluginError } from '../cni-chain.js'
import { exec, Node, type Pod } from '../node.js'
import { call, PLUGIN, pairLinks } from '../plugin-call.js'

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
  await exec('ip', ['netns', 'del', b.netns])
  await node.chain.del(node.attachment('b'))
  t.same(await pairLinks(node), [], 'DEL after the namespace is gone')
  t.same(readdirSync(node.instance.endpointsDir), [], 'no record stays')
  t.same(readdirSync(node.instance.journalDir), [], 'no journal stays')
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

t.test('an interface that is no veth, where only the swap is wanted', async (t) => {
  const node = await withNode(t)
  await exec('ip', ['netns', 'add', `${node.instance.name}-b`])
  t.teardown(() => exec('ip', ['netns', 'del', `${node.instance.name}-b`]))
  await exec('ip', ['-n', `${node.instance.name}-b`, 'link', 'add', 'eth0', 'type', 'bridge'])
  const conf = {
    ...{ type: 'vethwall', instance: node.instance.name, driver: 'bpf', prevResult: { ips: [] } },
  }
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
  t.match(readFileSync(PLUGIN, 'utf8'), /bin\/launch plugin/)
})
