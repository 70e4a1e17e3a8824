/**
 * The pods that are measured: a server for each path and a client beside it, behind the bridge plugin.
 * One dpd judges all paths that need one, as on a node; what must not meet it has a node of its own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { podsAnswerSchema } from '../src/core/api/endpoint.js'
import { CniChain } from '../test/cni-chain.js'
import { Node, type Pod } from '../test/node.js'
import {
  dpdConfigOf,
  endpointsOf,
  isByRules,
  isJudged,
  isTap,
  type JudgedPath,
  type PathName,
  policyOf,
} from './paths.js'
import { type ServerName, startServers } from './servers.js'

export interface Link {
  readonly path: PathName
  readonly node: Node
  /** Behind the bridge alone, on every path. */
  readonly client: Pod
  readonly server: Pod
}

/** What kube-proxy or a firewall of the node's would make of each packet, at the least. */
const ACCEPT_ALL = `table inet filter {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established,related accept
    accept
  }
}
`

export class Bed {
  readonly #links = new Map<PathName, Link>()
  readonly #nodes: Node[] = []

  private constructor(private readonly servers: ReadonlySet<ServerName>) {}

  static async open(paths: readonly PathName[], servers: ReadonlySet<ServerName>): Promise<Bed> {
    const bed = new Bed(servers)
    try {
      await bed.#openJudged(paths.filter((path) => path === 'plain' || isJudged(path)))
      if (paths.includes('direct')) await bed.#openAlone('direct')
      if (paths.includes('nft')) await bed.#openAlone('nft')
      return bed
    } catch (error) {
      await bed.close()
      throw error
    }
  }

  link(path: PathName): Link {
    const link = this.#links.get(path)
    if (link === undefined) throw new Error(`no path ${path}`)
    return link
  }

  async close(): Promise<void> {
    for (const node of this.#nodes) await node.close()
  }

  #node(name: string, options: { readonly plain?: boolean; readonly dpdConfig?: string }): Node {
    const node = new Node({ name: `vwb${name}${process.pid}`, ...options })
    this.#nodes.push(node)
    return node
  }

  async #openJudged(paths: readonly PathName[]): Promise<void> {
    const node = this.#node('j', { dpdConfig: dpdConfigOf(paths) })
    writeFileSync(join(node.endpointsDir, 'bench.yaml'), endpointsOf(paths))
    const judged = paths.filter(isJudged)
    for (const path of judged) writeFileSync(join(node.policyDir, `${path}.yaml`), policyOf(path))
    if (judged.length > 0) await node.startDpd()
    const client = await addClient(node)
    for (const path of paths) await this.#link(path, node, client, await addServer(node, path))
    if (judged.length > 0) await assertPaths(node, judged)
  }

  async #openAlone(path: 'direct' | 'nft'): Promise<void> {
    const node = this.#node(path, { plain: path === 'nft' })
    const client = await addClient(node)
    await this.#link(path, node, client, await node.addPod(path))
    if (path === 'nft') await acceptAll(node)
  }

  async #link(path: PathName, node: Node, client: Pod, server: Pod): Promise<void> {
    await startServers(server, node.dir, this.servers)
    this.#links.set(path, { path, node, client, server })
  }
}

/** More than the default 28 000 ports: short connections rest in TIME-WAIT for a minute. */
async function addClient(node: Node): Promise<Pod> {
  const client = await node.addPlainPod('client')
  const { status, stderr } = await client.exec('sysctl', [
    '-qw',
    'net.ipv4.ip_local_port_range=10000 65535',
  ])
  if (status !== 0) throw new Error(stderr)
  return client
}

function addServer(node: Node, path: PathName): Promise<Pod> {
  if (path === 'plain') return node.addPlainPod(path)
  if (!isByRules(path)) return node.addPod(path)
  const { list, options } = node.chain
  const plugins = list.plugins.map((plugin) =>
    plugin.type === 'vethwall' ? { ...plugin, driver: 'nfqueue' } : plugin,
  )
  return node.addPod(path, 'default', new CniChain({ ...list, plugins }, options))
}

/** A path that is not what it says is worse than none. */
async function assertPaths(node: Node, paths: readonly JudgedPath[]): Promise<void> {
  const { pods } = podsAnswerSchema.parse(await node.api('/v1/pods'))
  for (const path of paths) {
    const pod = pods.find((view) => view.pod === path)
    const found = `${pod?.attachment} ${pod?.path}`
    const wanted = `${isByRules(path) ? 'rules' : 'swap'} ${isTap(path) ? 'tap' : 'inline'}`
    if (found !== wanted) throw new Error(`path ${path} is ${found}, not ${wanted}`)
  }
}

/** br_netfilter leads bridged packets there, as nodes with Kubernetes have it. */
async function acceptAll(node: Node): Promise<void> {
  const file = join(node.dir, 'accept-all.nft')
  writeFileSync(file, ACCEPT_ALL)
  const bridged = ['-qw', 'net.bridge.bridge-nf-call-iptables=1']
  for (const { status, stderr } of [
    await node.exec('sysctl', bridged),
    await node.exec('nft', ['-f', file]),
  ]) {
    if (status !== 0) throw new Error(`nftables: ${stderr}`)
  }
}
