import './machine.js'
import t from 'tap'
import { numbered, podNames, startCriNode, startPods, unreached } from './cri-node.js'
import { settledLeftovers } from './leftovers.js'

t.setTimeout(240_000)
const PODS = 20

t.test(`containerd's CRI over gRPC: ${PODS} pods in parallel, and all gone`, async (t) => {
  const cri = await startCriNode(t)
  const { node, containerd } = cri
  const names = numbered('pod', PODS)
  const { ids, pods } = await startPods(cri, names)
  const wanted = names.map((name) => `default/${name}`).sort()
  t.strictSame(await podNames(cri), wanted, 'all are intercepted, by their own names')
  t.strictSame(await unreached(cri, pods), [], 'all answer another pod and the node')
  await Promise.all(ids.map((id) => containerd.removeSandbox(id)))
  t.strictSame(await settledLeftovers(node), [], 'nothing is left')
})

t.test("containerd's CRI over gRPC: containerd restarted with pods running", async (t) => {
  const cri = await startCriNode(t)
  const { node, containerd } = cri
  const { ids, pods } = await startPods(cri, numbered('pod', 2))
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await containerd.end(signal)
    t.strictSame(await unreached(cri, pods), [], `${signal}: all answer while it is away`)
    await containerd.launch()
    t.strictSame(await unreached(cri, pods), [], 'and when it is back')
    t.strictSame(await podNames(cri), ['default/pod-0', 'default/pod-1'], 'intercepted as before')
  }
  const more = await startPods(cri, ['pod-2'])
  t.strictSame(await unreached(cri, [...pods, ...more.pods]), [], 'a new pod joins them')
  for (const id of [...ids, ...more.ids]) await containerd.removeSandbox(id)
  t.strictSame(await settledLeftovers(node), [], 'nothing is left')
})

t.test("containerd's CRI over gRPC: our entry is gone when the pod goes", async (t) => {
  const cri = await startCriNode(t)
  const { node, containerd } = cri
  const { ids } = await startPods(cri, numbered('pod', 2))
  const { list } = node.chain
  const plugins = list.plugins.filter(({ type }) => type !== 'vethwall')
  await containerd.reload({ ...list, plugins }, (config) => !config.includes('vethwall'))
  for (const id of ids) await containerd.removeSandbox(id)
  t.equal((await podNames(cri)).length, 2, 'no DEL came: dpd still has both')
  node.dpd?.kill('SIGHUP')
  t.strictSame(await settledLeftovers(node), [], "dpd's reconcile collects them")
  await containerd.reload(list, (config) => config.includes('vethwall'))
  const again = await startPods(cri, ['pod-2'])
  t.strictSame(await podNames(cri), ['default/pod-2'], 'the entry is back, pods are intercepted')
  for (const id of again.ids) await containerd.removeSandbox(id)
  t.strictSame(await settledLeftovers(node), [], 'nothing is left')
})
