/** What pods leave anywhere when they should be gone: one line each, none when all is well. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { exec, type Node, until } from '../node.js'

const list = (dir: string): string[] => (existsSync(dir) ? readdirSync(dir) : [])

/** host-local keeps a lock and the address that it gave last. */
const IPAM_KEPT = /^lock$|^last_reserved_ip/

async function linksOf(netns: string, pattern: RegExp): Promise<string[]> {
  const { stdout } = await exec('ip', ['-n', netns, '-o', 'link'])
  const names = [...stdout.matchAll(/^\d+: ([^:@]+)/gm)].map(([, name = '']) => name)
  return names.filter((name) => pattern.test(name))
}

/** dpd itself, its files, both network namespaces, the primary's and the runtime's own. */
export async function leftovers(node: Node): Promise<string[]> {
  const { instance } = node
  const own = new Set([node.netns, instance.name, ...node.pods.map(({ netns }) => netns)])
  const pods = (await node.api('/v1/endpoints')) as { endpoints?: unknown[] } | null
  const ipam = join(node.dir, 'ipam')
  const places: Record<string, readonly string[]> = {
    'link of the node': await linksOf(node.netns, /^veth/),
    'link of the enforcer': await linksOf(instance.name, /^v(in|ex)-/),
    record: list(instance.endpointsDir),
    'spare record': list(instance.endpointsSpareDir),
    journal: list(instance.journalDir),
    lock: list(join(instance.runDir, 'locks')),
    notice: list(instance.noticesDir),
    'address of host-local': list(ipam)
      .flatMap((network) => list(join(ipam, network)))
      .filter((name) => !IPAM_KEPT.test(name)),
    netns: list('/run/netns').filter((name) => !own.has(name)),
    'result of libcni': list('/var/lib/cni/results'),
    'endpoint of dpd': (pods?.endpoints ?? []).map((endpoint) => JSON.stringify(endpoint)),
  }
  return Object.entries(places).flatMap(([what, names]) => names.map((name) => `${what} ${name}`))
}

/** Waits until nothing is left but what is `expected`; all that still is, after the deadline. */
export async function settledLeftovers(
  node: Node,
  expected: (what: string) => boolean = () => false,
): Promise<string[]> {
  let left: string[] = []
  const isSettled = async () => {
    left = await leftovers(node)
    return left.every(expected)
  }
  await until('nothing is left', isSettled).catch(() => {})
  return left
}
