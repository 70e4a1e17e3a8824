/** One call of our plugin, as the program that a node has, for a pod of a test's node. */
import { join } from 'node:path'
import { callPlugin, type Json, type PluginExit } from './cni-chain.js'
import { exec, type Node } from './node.js'
import { root } from './root.js'

export const PLUGIN = join(root, 'dist', 'bin', 'vethwall')
export const SILENT_SUCCESS: PluginExit = { status: 0, stdout: '', stderr: '' }

export type Env = Readonly<Record<string, string>>

/** `conf` over the node's conflist entry, `env` over a runtime's variables; a variable of '' is unset. */
export function call(
  verb: string,
  node: Node,
  pod: string,
  conf: Json = {},
  env: Env = {},
): Promise<PluginExit> {
  const { cniVersion, name, plugins } = node.chain.list
  const stdin = { cniVersion, name, ...plugins.at(-1), ...conf }
  return callWith(node, pod, JSON.stringify(stdin), { CNI_COMMAND: verb, ...env })
}

export function callWith(node: Node, pod: string, stdin: string, env: Env): Promise<PluginExit> {
  const { containerID, netns, ifName, args } = node.attachment(pod)
  const variables = {
    CNI_CONTAINERID: containerID,
    CNI_NETNS: netns,
    CNI_IFNAME: ifName,
    CNI_ARGS: args,
    CNI_PATH: '/opt/cni/bin',
    ...env,
  }
  const set = Object.entries(variables).filter(([, value]) => value !== '')
  return callPlugin(PLUGIN, Object.fromEntries(set), stdin, `/run/netns/${node.netns}`)
}

/** Names of what stands in the enforcer namespace for pods, sorted. */
export async function pairLinks(node: Node): Promise<string[]> {
  const { stdout } = await exec('ip', ['-n', node.instance.name, '-o', 'link'])
  return [...stdout.matchAll(/: (v(?:in|ex)-\w+)@/g)].map(([, name = '']) => name).sort()
}
