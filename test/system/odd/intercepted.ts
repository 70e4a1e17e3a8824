/** Pods behind primaries of every layout, intercepted in a second step so that both sides can be compared. */
import { CniChain, type Conflist, type Json } from '../../cni-chain.js'
import { Netns } from '../../netns.js'
import { type Node, type Pod, until } from '../../node.js'
import { call } from '../../plugin-call.js'
import { podDumpAnyIndex } from '../pod-dump.js'

type Dump = ReturnType<typeof podDumpAnyIndex>

export interface Intercepted {
  readonly pod: Pod
  readonly before: Dump
  readonly after: Dump
}

export function primaryChain(node: Node, primary: Json & { readonly type: string }): CniChain {
  const { list, options } = node.chain
  return new CniChain({ ...list, plugins: [primary] }, options)
}

/** Like the chain of the node, with that primary. */
export function chainBehind(node: Node, primary: Json & { readonly type: string }): CniChain {
  const { list, options } = node.chain
  const ours = list.plugins.at(-1)
  const plugins = [primary, ...(ours === undefined ? [] : [ours])]
  return new CniChain({ ...list, plugins } satisfies Conflist, options)
}

async function settled(pod: Pod): Promise<void> {
  await until('addresses are settled', async () => {
    const { stdout } = await pod.exec('ip', ['address', 'show', 'eth0'])
    return !stdout.includes('tentative')
  })
}

/** The primary's pod, then ours; `dress` is what somebody does to it between the two. */
export async function intercept(
  node: Node,
  name: string,
  primary: CniChain,
  dress: (netns: Netns) => void = () => {},
): Promise<Intercepted> {
  const pod = await node.addPod(name, 'default', primary)
  const netns = new Netns(pod.netns, false)
  dress(netns)
  await settled(pod)
  const before = podDumpAnyIndex(netns)
  const exit = await call('ADD', node, name, { prevResult: pod.result })
  if (exit.status !== 0) throw new Error(`${name}: ${exit.stdout}${exit.stderr}`)
  return { pod, before, after: podDumpAnyIndex(netns) }
}

/** Our DEL alone: what the pod has then. */
export async function release(node: Node, { pod }: Intercepted): Promise<Dump> {
  const exit = await call('DEL', node, pod.name, { prevResult: pod.result })
  if (exit.status !== 0) throw new Error(`${pod.name}: ${exit.stdout}${exit.stderr}`)
  return podDumpAnyIndex(new Netns(pod.netns, false))
}

export async function nodeIp(node: Node, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { status, stderr } = await node.exec('ip', line.split(' '))
    if (status !== 0) throw new Error(`ip ${line}: ${stderr}`)
  }
}
