import './machine.js'
import { appendFileSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Exit, exec, Node } from '../node.js'
import { root } from '../root.js'
import { BIN_DIR, installChain } from './containerd.js'
import { settledLeftovers } from './leftovers.js'
import { LibcniDriver } from './libcni/driver.js'
import { machineName } from './machine.js'

t.setTimeout(240_000)
const ADDS = 50
const PARTS = ['dist', 'cni', 'conf', 'install.sh', 'README.md', 'LICENSE']

/** What install.sh needs of a checkout, told apart by what is appended to the plugin's bundle. */
function build(dir: string, version: string): string {
  mkdirSync(dir)
  for (const part of PARTS) cpSync(join(root, part), join(dir, part), { recursive: true })
  appendFileSync(join(dir, 'dist', 'plugin', 'plugin.js'), `\n// ${version}\n`)
  return join(dir, 'install.sh')
}

t.test(`libcni: the plugin is replaced again and again during ${ADDS} parallel ADDs`, async (t) => {
  const node = new Node({ name: machineName })
  t.teardown(() => node.close())
  await node.startDpd()
  installChain(node)
  const driver = await LibcniDriver.build(node, [BIN_DIR])
  const installers = ['a', 'b'].map((version) => build(join(node.dir, version), version))
  const install = async (time: number): Promise<void> => {
    const args = [installers[time % 2] ?? '', '--no-conflist']
    const { status, stderr } = await exec('sh', args, { timeoutMs: 60_000 })
    if (status !== 0) throw new Error(`install.sh: ${stderr}`)
  }
  await install(0)

  const pods = Array.from({ length: ADDS }, (_, at) => `${machineName}-${at}`)
  for (const pod of pods) await exec('ip', ['netns', 'add', pod])
  t.teardown(() => Promise.all(pods.map((pod) => exec('ip', ['netns', 'del', pod]))))
  const attachments = pods.map((containerID) => {
    return { containerID, netns: `/run/netns/${containerID}`, ifName: 'eth0' }
  })
  const drive = (verb: 'add' | 'del'): Promise<readonly Exit[]> =>
    Promise.all(attachments.map((pod) => driver.run(verb, node.chain.list, pod)))
  const failed = (exits: readonly Exit[]) =>
    exits.filter(({ status }) => status !== 0).map(({ stderr }) => stderr)
  let isOver = false
  const adding = drive('add').finally(() => {
    isOver = true
  })
  let times = 0
  while (!isOver) await install(++times)
  t.comment(`${times} installations while they ran`)
  t.strictSame(failed(await adding), [], 'no ADD failed because of it')
  const { pods: seen } = (await node.api('/v1/pods')) as { pods: unknown[] }
  t.equal(seen.length, ADDS, 'all are intercepted')
  t.strictSame(failed(await drive('del')), [], 'no DEL either')
  for (const pod of pods) await exec('ip', ['netns', 'del', pod])
  t.strictSame(await settledLeftovers(node), [], 'nothing is left')
})
