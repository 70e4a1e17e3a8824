/** A node with dpd and containerd, and what a test asks of all its pods at once. */
import type { Test } from 'tap'
import { exec, Node } from '../node.js'
import { Containerd } from './containerd.js'
import type { SandboxStatus } from './cri.js'
import { machineName } from './machine.js'

let count = 0

export interface CriNode {
  readonly node: Node
  readonly containerd: Containerd
}

export async function startCriNode(t: Test): Promise<CriNode> {
  const node = new Node({ name: `${machineName}x${count++}` })
  t.teardown(() => node.close())
  await node.startDpd()
  const containerd = await Containerd.start(node)
  t.teardown(() => containerd.stop())
  return { node, containerd }
}

export async function startPods({ containerd }: CriNode, names: readonly string[]) {
  const started = names.map((name) => containerd.cri.runPodSandbox(containerd.sandbox(name)))
  const ids = await Promise.all(started)
  const pods = await Promise.all(ids.map((id) => containerd.cri.podSandboxStatus(id)))
  return { ids, pods }
}

const TRIES = 5

/** Again where a bridge that was just made still asks whether its own address is another's. */
async function isReached(netns: string, address: string): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    const ping = [`--net=${netns}`, 'ping', '-c', '1', '-W', '2', address]
    if ((await exec('nsenter', ping)).status === 0) return true
  }
  return false
}

/** Each pod from the one before it and from the node, by both families, all at once. */
export async function unreached({ node }: CriNode, pods: readonly SandboxStatus[]) {
  const pairs = pods.flatMap((pod, at) => {
    const from = [pods.at(at - 1)?.netns ?? '', `/run/netns/${node.netns}`]
    return from.flatMap((netns) => [pod.ip4, pod.ip6].map((address) => ({ netns, address })))
  })
  const answers = await Promise.all(pairs.map(({ netns, address }) => isReached(netns, address)))
  return pairs.filter((_, at) => answers[at] !== true)
}

/** The pods that dpd shows, `namespace/name`. */
export async function podNames({ node }: CriNode): Promise<string[]> {
  const { stdout } = await node.dpctl('pods', '-o', 'json')
  const { pods } = JSON.parse(stdout) as { pods: { namespace: string; pod: string }[] }
  return pods.map(({ namespace, pod }) => `${namespace}/${pod}`).sort()
}

export const numbered = (name: string, pods: number): string[] =>
  Array.from({ length: pods }, (_, at) => `${name}-${at}`)
