import { join } from 'node:path'
import t from 'tap'
import { callPlugin, type Json } from '../cni-chain.js'
import { exec, Node } from '../node.js'
import { root } from '../root.js'

const PLUGIN = join(root, 'dist', 'bin', 'vethwall')
t.setTimeout(120_000)

t.test('GC takes away what the runtime no longer has, of its own network only', async (t) => {
  const node = new Node({ name: `vwtg${process.pid}` })
  t.teardown(() => node.close())
  const kept = await node.addPod('kept')
  const gone = await node.addPod('gone')
  const ours = node.chain.list.plugins.at(-1)
  const gc = (name: string, more: Json) =>
    callPlugin(
      PLUGIN,
      { CNI_COMMAND: 'GC', CNI_PATH: '/opt/cni/bin' },
      JSON.stringify({ cniVersion: '1.1.0', name, ...ours, ...more }),
      `/run/netns/${node.netns}`,
    )
  const links = async () =>
    (await exec('ip', ['-n', node.instance.name, '-o', 'link'])).stdout.match(/vin-/g)?.length
  const valid = [{ containerID: kept.containerID, ifname: 'eth0' }]
  const { name } = node.chain.list

  t.same(await gc(name, {}), { status: 0, stdout: '', stderr: '' })
  t.equal(await links(), 2, 'an absent list destroys nothing')
  await gc('another', { 'cni.dev/valid-attachments': [] })
  t.equal(await links(), 2, "another network's GC destroys nothing")
  const junk = await gc(name, { 'cni.dev/valid-attachments': 'all' })
  t.match(JSON.parse(junk.stdout), { code: 7 })
  t.equal((await gc(name, { 'cni.dev/attachments': valid })).status, 0, 'the historic key counts')
  t.equal(await links(), 1, 'the pod that the runtime lost is collected')
  for (const pod of [gone, kept]) {
    const { status } = await pod.exec('ping', ['-c', '1', '-W', '2', '10.77.0.1'])
    t.equal(status, 0, `${pod.name} still has its network`)
  }
})
