/** STATUS as CNI SPEC 1.1.0 words it, driven as libcni 1.3 does: no runtime that Debian has calls it. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { callPlugin, type Json, type PluginExit } from '../cni-chain.js'
import { exec, Node } from '../node.js'
import { call, PLUGIN, SILENT_SUCCESS } from '../plugin-call.js'

t.setTimeout(180_000)
const POLICY = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: shut, namespace: default }
spec:
  podSelector: { matchLabels: { app: shut } }
  mode: protect
  ingress: []
`
let count = 0

function withNode(t: Test): Node {
  const node = new Node({ name: `vwts${process.pid}x${count++}` })
  t.teardown(async () => {
    node.dpd?.kill('SIGCONT')
    await node.close()
  })
  return node
}

const status = (node: Node, keys: Json = {}): Promise<PluginExit> =>
  call(
    'STATUS',
    node,
    'none',
    { cniVersion: '1.1.0', ...keys },
    { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' },
  )

function errorOf(exit: PluginExit): Json {
  return JSON.parse(exit.stdout) as Json
}

t.test('with dpd, without, and with pods that need it', async (t) => {
  const node = withNode(t)
  const pods = `pods: [{ namespace: default, name: shut, labels: { app: shut } }]\n`
  writeFileSync(join(node.endpointsDir, 'pods.yaml'), pods)
  writeFileSync(join(node.policyDir, 'p.yaml'), POLICY)
  t.match(
    errorOf(await status(node, { failure: 'closed' })),
    { cniVersion: '1.1.0', code: 50, msg: /dpd/, details: /no policy says, closed\); start dpd/ },
    'dpd was never started',
  )
  t.notOk(existsSync(node.instance.runDir), 'asking makes nothing')

  await node.startDpd()
  t.same(await status(node), SILENT_SUCCESS)
  await node.addPod('free')
  node.dpd?.kill('SIGSTOP')
  t.match(errorOf(await status(node)), { code: 50, msg: /dpd/ }, 'silent; the pod goes direct')
  node.dpd?.kill('SIGCONT')
  t.same(await status(node), SILENT_SUCCESS)

  await node.addPod('shut')
  await node.stopDpd()
  t.match(errorOf(await status(node)), { code: 51, msg: /1 pods \(default\/shut\) are cut/ })
  t.match(errorOf(await status(node, { name: 'another' })), { code: 51 }, "any network's pods")

  const asked = status(node)
  await node.startDpd()
  t.same(await asked, SILENT_SUCCESS, 'a restart is not noticed')
})

t.test('the enforcer namespace is gone', async (t) => {
  const node = withNode(t)
  await node.startDpd()
  await node.addPod('a')
  const { netnsPath, netnsSparePath } = node.instance
  await exec('umount', ['-l', netnsPath])
  t.same(await status(node), SILENT_SUCCESS, 'the spare mount holds it')
  await exec('umount', ['-l', netnsSparePath])
  t.match(errorOf(await status(node)), { code: 51, msg: /namespace is gone.*default\/a/ })
})

t.test('no pipe driver works', async (t) => {
  // Without CAP_BPF and CAP_NET_ADMIN as on a kernel without either driver.
  const conf = { cniVersion: '1.1.0', name: 'pods', type: 'vethwall', instance: 'vwtsnone' }
  const drop = ['--bounding-set', '-all', '--inh-caps', '-all', PLUGIN]
  const env = ['env', '-i', 'CNI_COMMAND=STATUS', 'CNI_PATH=/opt/cni/bin']
  const exit = await exec('setpriv', [...drop.slice(0, 4), ...env, PLUGIN], {
    input: JSON.stringify({ ...conf, driver: 'bpf' }),
  })
  t.match(errorOf(exit), { code: 50, msg: /cannot be intercepted/, details: /EPERM.*preflight/ })
})

t.test('the verb is newer than the configuration', async (t) => {
  const env = { CNI_COMMAND: 'STATUS', CNI_PATH: '/opt/cni/bin' }
  const conf = { cniVersion: '1.0.0', name: 'pods', type: 'vethwall' }
  t.match(errorOf(await callPlugin(PLUGIN, env, JSON.stringify(conf))), {
    code: 1,
    cniVersion: '1.0.0',
  })
})
