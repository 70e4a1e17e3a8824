/** GC as CNI SPEC 1.1.0 words it, driven as libcni 1.3 does: no runtime that Debian has calls it. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { keyLockPath } from '../../src/intercept/endpoint-records.js'
import type { Json } from '../cni-chain.js'
import { Node, type Pod } from '../node.js'
import { call, pairLinks, SILENT_SUCCESS } from '../plugin-call.js'

t.setTimeout(180_000)
const VALID = 'cni.dev/valid-attachments'
/** The key of the first draft, which libcni still sends beside the specified one. */
const HISTORIC = 'cni.dev/attachments'
const SWAP_CHILD = join(import.meta.dirname, 'swap-child.js')
let count = 0

function withNode(t: Test): Node {
  const node = new Node({ name: `vwtg${process.pid}x${count++}` })
  t.teardown(() => node.close())
  return node
}

const gc = (node: Node, keys: Json) =>
  call(
    'GC',
    node,
    'none',
    { cniVersion: '1.1.0', ...keys },
    { CNI_CONTAINERID: '', CNI_NETNS: '', CNI_IFNAME: '', CNI_ARGS: '' },
  )

const attachments = (...pods: readonly Pod[]) =>
  pods.map(({ containerID }) => ({ containerID, ifname: 'eth0' }))

/** Two links for each. */
const intercepted = async (node: Node) => (await pairLinks(node)).length / 2

t.test('takes away what the runtime no longer has, of its own network only', async (t) => {
  const node = withNode(t)
  const kept = await node.addPod('kept')
  const gone = await node.addPod('gone')
  const harmless: readonly { name: string; keys: Json }[] = [
    { name: 'an absent list', keys: {} },
    { name: 'null', keys: { [VALID]: null, [HISTORIC]: null } },
    { name: "another network's", keys: { name: 'another', [VALID]: [] } },
    { name: 'the specified key first', keys: { [VALID]: attachments(kept, gone), [HISTORIC]: [] } },
  ]
  for (const { name, keys } of harmless) {
    t.same(await gc(node, keys), SILENT_SUCCESS, name)
    t.equal(await intercepted(node), 2, `${name} destroys nothing`)
  }
  for (const list of ['all', [{ containerID: 'x' }], {}]) {
    const exit = await gc(node, { [VALID]: list, [HISTORIC]: [] })
    t.match(JSON.parse(exit.stdout), { code: 7, cniVersion: '1.1.0', msg: /valid-attachments/ })
  }
  t.equal(await intercepted(node), 2, 'a list that is none destroys nothing')

  t.same(await gc(node, { [HISTORIC]: attachments(kept) }), SILENT_SUCCESS, 'the historic key')
  t.equal(await intercepted(node), 1, 'the pod that the runtime lost is collected')
  for (const pod of [gone, kept]) {
    const { status } = await pod.exec('ping', ['-c', '1', '-W', '2', '10.77.0.1'])
    t.equal(status, 0, `${pod.name} still has its network`)
  }
  t.same(await gc(node, { [VALID]: [] }), SILENT_SUCCESS)
  t.equal(await intercepted(node), 0, 'an empty list is none')
  t.same(readdirSync(node.instance.endpointsDir), [])
})

t.test('goes on past errors and reports them as one', async (t) => {
  const node = withNode(t)
  for (const name of ['a', 'b', 'c']) await node.addPod(name)
  // A folder is in the way where a half-written record would be removed.
  const { endpointsDir } = node.instance
  const obstacles = readdirSync(endpointsDir).map((name) => join(endpointsDir, `${name}.new`))
  for (const path of obstacles) mkdirSync(path)
  const exit = await gc(node, { [VALID]: [] })
  t.equal(exit.status, 1)
  t.match(JSON.parse(exit.stdout), { code: 100, msg: /^3 attachments/ })
  const { details } = JSON.parse(exit.stdout) as { details: string }
  for (const name of ['a', 'b', 'c']) t.match(details, `-${name}-id eth0: `)
  t.equal(await intercepted(node), 0, 'each was tried')
  for (const path of obstacles) rmSync(path, { recursive: true })
})

t.test('a swap that broke off is collected, one that goes on is left to its ADD', async (t) => {
  const node = withNode(t)
  const pod = await node.addPlainPod('a')
  const before = (await pod.exec('ip', ['-j', 'address'])).stdout
  const child = [SWAP_CHILD, 'ADD', node.instance.name, pod.netnsPath, '30', pod.containerID]
  t.equal(spawnSync(process.execPath, child).signal, 'SIGKILL')
  t.notOk(existsSync(node.instance.endpointsDir), 'no record yet')
  t.equal(readdirSync(node.instance.journalDir).length, 1, 'a journal')
  t.not((await pod.exec('ip', ['-j', 'address'])).stdout, before, 'half-way')

  const lock = keyLockPath(node.instance, { containerID: pod.containerID, ifName: 'eth0' })
  mkdirSync(join(lock, '..'), { recursive: true })
  const holder = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 60'])
  t.teardown(() => holder.kill())
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  const keys = { name: 'test', [VALID]: [] }
  const halfway = (await pod.exec('ip', ['-j', 'address'])).stdout
  t.same(await gc(node, keys), SILENT_SUCCESS)
  t.equal((await pod.exec('ip', ['-j', 'address'])).stdout, halfway, 'whoever has the lock goes on')
  const ended = new Promise((resolve) => holder.once('close', resolve))
  holder.kill()
  await ended

  t.same(await gc(node, keys), SILENT_SUCCESS)
  t.same(readdirSync(node.instance.journalDir), [])
  t.same(await pairLinks(node), [])
  const addresses = (text: string) =>
    (JSON.parse(text) as { ifname: string; addr_info: { local: string }[] }[]).map(
      ({ ifname, addr_info }) => [ifname, addr_info.map(({ local }) => local).sort()],
    )
  const after = (await pod.exec('ip', ['-j', 'address'])).stdout
  t.same(addresses(after), addresses(before), 'as it was')
})

t.test('a valid attachment survives a GC beside its ADD', async (t) => {
  const node = withNode(t)
  const pod = await node.addPlainPod('a')
  let isAdding = true
  const adding = call('ADD', node, 'a', { prevResult: pod.result }).finally(() => {
    isAdding = false
  })
  let rounds = 0
  for (; isAdding || rounds === 0; rounds++) {
    t.same(await gc(node, { [VALID]: attachments(pod) }), SILENT_SUCCESS)
  }
  const added = await adding
  t.equal(added.status, 0, `${rounds} times meanwhile ${added.stdout}`)
  t.equal(await intercepted(node), 1)
  t.equal((await pod.exec('ping', ['-c', '1', '-W', '2', '10.77.0.1'])).status, 0)
})
