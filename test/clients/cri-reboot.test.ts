import './machine.js'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { exec, type Node, until } from '../node.js'
import type { SandboxStatus } from './cri.js'
import { numbered, podNames, startCriNode, startPods, unreached } from './cri-node.js'
import { leftovers, settledLeftovers } from './leftovers.js'

t.setTimeout(240_000)
/** pino's level of an error. */
const ERROR = 50

const isAlive = (pid: number): boolean => {
  const stat = existsSync(`/proc/${pid}`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : ''
  return stat !== '' && !/\) [ZX] /.test(stat)
}

/** Everything of the node that is not on disk; the boot id is the one thing that stays. */
async function loseMemory(node: Node, pods: readonly SandboxStatus[]): Promise<void> {
  await node.stopDpd('SIGKILL')
  for (const { pid } of pods) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  await until('the pods have ended', () => !pods.some(({ pid }) => isAlive(pid)))
  const { netnsPath, netnsSparePath, runDir, bpffsDir } = node.instance
  for (const mount of [netnsPath, netnsSparePath, ...pods.map(({ netns }) => netns)]) {
    await exec('umount', ['-l', mount])
  }
  for (const path of [netnsPath, runDir, bpffsDir, ...pods.map(({ netns }) => netns)])
    rmSync(path, { recursive: true, force: true })
  await node.exec('ip', ['link', 'del', 'cni0'])
}

t.test("containerd's CRI over gRPC: all but the disk lost, as a power cut does", async (t) => {
  const cri = await startCriNode(t)
  const { node, containerd } = cri
  const { ids, pods } = await startPods(cri, numbered('pod', 4))
  await containerd.powerOff()
  await loseMemory(node, pods)
  const results = readdirSync('/var/lib/cni/results')
  const own = results.filter((name) => name.startsWith(node.chain.list.name))
  t.equal(own.length, ids.length, "libcni's cache is still there")
  t.ok(existsSync(node.instance.stateDir), 'and what dpd keeps on disk')

  const logPath = join(node.dir, 'dpd.log')
  const logged = readFileSync(logPath, 'utf8').length
  await containerd.launch()
  t.equal((await containerd.cri.listPodSandbox()).length, ids.length, 'containerd knows its pods')
  const [first = '', ...others] = ids
  await containerd.removeSandbox(first)
  await node.startDpd()
  for (const id of others) await containerd.removeSandbox(id)
  t.strictSame(await settledLeftovers(node), [], 'the stale DELs took all away')

  const fresh = await startPods(cri, ['pod-a', 'pod-b'])
  t.strictSame(await podNames(cri), ['default/pod-a', 'default/pod-b'], 'new pods are intercepted')
  t.strictSame(await unreached(cri, fresh.pods), [], 'and reached')
  for (const id of fresh.ids) await containerd.removeSandbox(id)
  t.strictSame(await leftovers(node), [], 'nothing is left')
  const lines = readFileSync(logPath, 'utf8').slice(logged).trim().split('\n')
  const errors = lines.filter((line) => (JSON.parse(line) as { level: number }).level >= ERROR)
  t.strictSame(errors, [], 'dpd warned at most')
})
