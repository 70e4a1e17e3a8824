/** What a runtime should not send, or sends after the pod is gone: a clear error or success, and no other pod touched. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordPath } from '../../src/intercept/endpoint-records.js'
import { vexName, vinName } from '../../src/intercept/link-names.js'
import type { Json, PluginExit } from '../cni-chain.js'
import { exec, Node, type Pod } from '../node.js'
import { call, type Env, pairLinks, SILENT_SUCCESS } from '../plugin-call.js'

t.setTimeout(600_000)
/** A call that waits for something that never comes would take longer than any machine's load. */
const HANG_MS = 60_000
const node = new Node({ name: `vwti${process.pid}` })
t.teardown(() => node.close())

const codeOf = ({ stdout }: PluginExit): number => (JSON.parse(stdout) as { code: number }).code

const recordOf = (containerID: string): string =>
  recordPath(node.instance, { containerID, ifName: 'eth0' })

async function text(netns: string, ...args: string[]): Promise<string> {
  return (await exec('ip', ['-n', netns, ...args])).stdout
}

/** All that must stay as it is while others are called with nonsense. */
interface Witness {
  readonly pod: Pod
  readonly before: string
}

/** Not the peer's namespace, which changes with every swap. */
async function nodeLinks(): Promise<string> {
  const links = JSON.parse(await text(node.netns, '-j', 'link')) as Record<string, unknown>[]
  const told = ['ifname', 'address', 'mtu', 'operstate', 'master'] as const
  return JSON.stringify(links.map((link) => told.map((key) => link[key])))
}

const stateOf = async ({ netns, containerID }: Pod): Promise<string> =>
  [
    await text(netns, '-o', 'link'),
    await text(netns, '-o', 'address'),
    await text(netns, 'route'),
    readFileSync(recordOf(containerID), 'utf8'),
    await nodeLinks(),
  ].join('\n')

let witness: Witness | null = null
async function untouched(t: Test, claim: string): Promise<void> {
  if (witness === null) throw new Error('no witness yet')
  t.equal(await stateOf(witness.pod), witness.before, `${claim}: the other pod and the node`)
}

t.before(async () => {
  const pod = await node.addPod('witness')
  const [plain, own] = [await node.addPlainPod('plain'), await node.addPlainPod('own')]
  for (const each of [pod, plain, own]) await each.exec('ping', ['-c', '1', '10.77.0.1'])
  witness = { pod, before: await stateOf(pod) }
})

const podNamed = (name: string): Pod => {
  const pod = node.pods.find((candidate) => candidate.name === name)
  if (pod === undefined) throw new Error(`no pod ${name}`)
  return pod
}

t.test("the node's own namespace, by whatever path", async (t) => {
  const link = join(node.dir, 'own')
  symlinkSync(`/run/netns/${node.netns}`, link)
  const prevResult = podNamed('own').result
  for (const path of [
    `/run/netns/${node.netns}`,
    link,
    '/proc/self/ns/net',
    '/proc/1/../self/ns/net',
  ]) {
    const env = { CNI_NETNS: path }
    t.match(JSON.parse((await call('ADD', node, 'own', { prevResult }, env)).stdout), {
      code: 8,
      msg: /the node's own/,
    })
    t.same(await call('DEL', node, 'own', {}, env), SILENT_SUCCESS, 'DEL goes by its key')
    t.equal((await call('CHECK', node, 'own', { prevResult }, env)).status, 1)
    await untouched(t, path)
  }
  const meant = { CNI_NETNS: link, CNI_NETNS_OVERRIDE: '1' }
  const open = await call('ADD', node, 'own', { prevResult }, meant)
  t.match(open, { status: 0, stderr: /the node's own.*passed without interception/ }, 'override')
  const closed = await call('ADD', node, 'own', { prevResult, failure: 'closed' }, meant)
  t.equal(codeOf(closed), 102, 'override, closed')
  await untouched(t, 'override')
})

t.test('no network namespace', async (t) => {
  const at = (name: string) => join(node.dir, name)
  await exec('mkfifo', [at('fifo')])
  mkdirSync(at('folder'))
  writeFileSync(at('file'), '')
  symlinkSync(at('nothing'), at('dangling'))
  symlinkSync(at('loop'), at('loop'))
  const ours = ['fifo', 'folder', 'file', 'nothing', 'dangling', 'loop', 'file/below'].map(at)
  const others = [
    '/dev/zero',
    '/proc/self/ns/mnt',
    '/proc/self/ns/pid',
    '/run/netns/../../etc/passwd',
  ]
  const prevResult = podNamed('plain').result
  for (const path of [...ours, ...others]) {
    const env = { CNI_NETNS: path }
    const started = Date.now()
    const added = await call('ADD', node, 'plain', { prevResult }, env)
    t.match(JSON.parse(added.stdout), { code: 8, msg: /CNI_NETNS/ }, path)
    t.same(await call('DEL', node, 'plain', {}, env), SILENT_SUCCESS, `DEL ${path}`)
    t.ok(Date.now() - started < HANG_MS, 'at once')
  }
  await untouched(t, 'none of it')
})

t.test("a symlink to a pod's namespace is as good as /proc/PID/ns/net, which is one", async (t) => {
  const { result, netnsPath } = podNamed('plain')
  const link = join(node.dir, 'pod')
  symlinkSync(netnsPath, link)
  const env = { CNI_NETNS: link }
  t.equal((await call('ADD', node, 'plain', { prevResult: result }, env)).status, 0)
  t.equal((await pairLinks(node)).length, 4)
  t.same(await call('CHECK', node, 'plain', { prevResult: result }, env), SILENT_SUCCESS)
  t.same(await call('DEL', node, 'plain', {}, env), SILENT_SUCCESS)
  t.equal((await pairLinks(node)).length, 2)
  await untouched(t, 'symlink')
})

t.test('the path is another pod by now', async (t) => {
  const old = await node.addPod('old')
  await exec('ip', ['netns', 'del', old.netns])
  await exec('ip', ['netns', 'add', old.netns])
  // A runtime that reuses paths: the new pod has the old one's, and a container id of its own.
  const renewed = { ...node.attachment('old'), containerID: 'renewed' }
  await node.chain.add(renewed)
  const state = async () =>
    [await text(old.netns, '-o', 'address'), readFileSync(recordOf('renewed'), 'utf8')].join('\n')
  const before = await state()
  t.equal((await call('CHECK', node, 'old', { prevResult: old.result })).status, 1, 'CHECK')
  t.equal(await state(), before, "CHECK: the path's new owner")
  t.same(await call('DEL', node, 'old'), SILENT_SUCCESS, 'DEL')
  t.equal(await state(), before, "DEL: the path's new owner")
  const own = [vinName(renewed), vexName(renewed)]
  const standing = async () => (await pairLinks(node)).filter((name) => own.includes(name)).length
  t.equal(await standing(), 2, 'its links stand')

  await t.test('and the record says so only by its boot', async (t) => {
    const record = JSON.parse(readFileSync(recordOf('renewed'), 'utf8')) as Json
    const foreign = { ...record, containerID: old.containerID, bootId: 'of-another-boot' }
    for (const verb of ['CHECK', 'DEL']) {
      writeFileSync(recordOf(old.containerID), JSON.stringify(foreign))
      await call(verb, node, 'old', { prevResult: old.result })
      t.equal(await state(), before, `${verb}: the owner of that inode now`)
      t.equal(await standing(), 2, `${verb}: its links`)
    }
  })
  await node.chain.del(renewed)
  await node.removePod(old)
  await untouched(t, 're-used path')
})

t.test('names outside the alphabet, too long, or leading elsewhere', async (t) => {
  const { result: prevResult } = podNamed('plain')
  const long = 'x'.repeat(300)
  const refused: readonly { env?: Env; conf?: Json; code: number; says: RegExp }[] = [
    ...['../../etc/x', 'a/b', '.', '-a', 'a b', 'a\nb', 'ä', long].map((id) => ({
      ...{ env: { CNI_CONTAINERID: id }, code: 4, says: /CNI_CONTAINERID/ },
    })),
    ...['../eth0', '..', 'a:b', 'a b', 'eth0\n', long].map((name) => ({
      ...{ env: { CNI_IFNAME: name }, code: 4, says: /CNI_IFNAME/ },
    })),
    ...['../../x', 'a/b', '', 'ä', '.x'].map((name) => ({
      ...{ conf: { name }, code: 7, says: /network name/ },
    })),
    ...['../x', 'a/b', '', long].map((instance) => ({
      ...{ conf: { instance }, code: 7, says: /instance/ },
    })),
    { env: { CNI_NETNS: 'run/netns/x' }, code: 4, says: /CNI_NETNS/ },
    { env: { CNI_IFNAME: 'eth%d' }, code: 7, says: /no interface eth%d/ },
  ]
  await Promise.all(
    refused.map(async ({ env = {}, conf = {}, code, says }) => {
      const exit = await call('ADD', node, 'plain', { prevResult, ...conf }, env)
      t.match(JSON.parse(exit.stdout), { code, msg: says }, JSON.stringify({ ...env, ...conf }))
    }),
  )
  await untouched(t, 'refused names')

  const args = 'K8S_POD_NAMESPACE=../../etc;K8S_POD_NAME=/etc/passwd;K8S_POD_UID=../x;=;;x'
  const taken: readonly { name: string; env?: Env; conf?: Json; record: Json }[] = [
    {
      name: 'paths for names',
      env: { CNI_ARGS: args },
      record: { namespace: 'default', podUid: null },
    },
    {
      name: 'a pod name of 300 octets',
      env: { CNI_ARGS: `K8S_POD_NAME=${long}` },
      record: { pod: long },
    },
    { name: 'a network name of 300 octets', conf: { name: long }, record: { network: long } },
    {
      name: 'the longest id',
      env: { CNI_CONTAINERID: 'x'.repeat(226) },
      record: { containerID: 'x'.repeat(226) },
    },
  ]
  for (const { name, env = {}, conf = {}, record } of taken) {
    const added = await call('ADD', node, 'plain', { prevResult, ...conf }, env)
    t.equal(added.status, 0, `${name}: ${added.stdout}`)
    const id = env.CNI_CONTAINERID ?? podNamed('plain').containerID
    t.match(JSON.parse(readFileSync(recordOf(id), 'utf8')), record, name)
    t.same(await call('DEL', node, 'plain', {}, env), SILENT_SUCCESS, `${name}: DEL`)
  }
  const tooLong = { CNI_CONTAINERID: long }
  t.same(await call('DEL', node, 'plain', {}, tooLong), SILENT_SUCCESS, 'DEL of a refused id')
  t.equal(readdirSync(node.instance.endpointsDir).length, 1, "the other pod's record alone")
  await untouched(t, 'taken names')
})
