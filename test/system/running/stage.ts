/** A node whose pods were made without us, with the cache that libcni leaves of them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Netns } from '../../netns.js'
import { Node, type Pod } from '../../node.js'

/** As libcni's cachedInfo: its own fields, the result as the chain gave it. */
export function cachePod(node: Node, dir: string, pod: Pod): void {
  const { name, containerID, netnsPath, result } = pod
  const network = node.chain.list.name
  const cached = {
    ...{ kind: 'cniCacheV1', containerId: containerID, config: '', ifName: 'eth0' },
    networkName: network,
    cniArgs: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', 'default'],
      ['K8S_POD_NAME', name],
    ],
    result: { ...result, interfaces: [{ name: 'eth0', sandbox: netnsPath }] },
  }
  writeFileSync(join(dir, `${network}-${containerID}-eth0`), JSON.stringify(cached))
}

export async function runningNode(name: string) {
  const node: Node = new Node({
    name,
    plain: true,
    dpdConfig: `runningPods: { adopt: [default/wanted], cacheDirs: [/tmp/${name}-cache] }\n`,
  })
  const cache = `/tmp/${name}-cache`
  mkdirSync(cache)
  const peer = await node.addPod('peer')
  const app = await node.addPod('app')
  cachePod(node, cache, app)
  writeFileSync(join(cache, 'half-written'), '{"kind":"cniCacheV1"')
  const gone = { containerId: 'gone', ifName: 'eth0', networkName: 'n', kind: 'cniCacheV1' }
  const interfaces = [{ name: 'eth0', sandbox: '/run/netns/no-such' }]
  writeFileSync(join(cache, 'gone'), JSON.stringify({ ...gone, result: { interfaces } }))
  return { node, cache, peer, app, netns: new Netns(app.netns, false) }
}
