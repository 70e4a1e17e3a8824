/** Layouts of primaries: each is the same after ADD and after DEL, and carries traffic that is judged. */
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Json } from '../../cni-chain.js'
import type { Netns } from '../../netns.js'
import type { Node, Pod } from '../../node.js'
import { SCRIPTED_MAC, writeScriptedPrimary } from '../../scripted-primary.js'
import { type Intercepted, intercept, nodeIp, primaryChain, release } from './intercepted.js'
import { startStreamEcho } from './sockets.js'
import { ECHO_PORT, frames, judged } from './traffic.js'

export function ipamOf(node: Node, second: number, routes: readonly Json[] = []): Json {
  const ranges = [[{ subnet: `10.${second}.0.0/16` }], [{ subnet: `fd00:${second}::/64` }]]
  return { type: 'host-local', dataDir: join(node.dir, `ipam-${second}`), ranges, routes }
}

/** A bridge that leads nowhere else. */
export const bridgeOf = (node: Node, second: number, more: Json = {}) => ({
  ...{ type: 'bridge', bridge: `br${second}`, ipam: ipamOf(node, second) },
  ...more,
})

export const log = (node: Node): string => join(node.dir, 'sockets.log')

/** The same before ADD, after it, and after DEL; `after` is what DEL leaves, with the same index. */
export async function unchanged(t: Test, node: Node, interface_: Intercepted): Promise<void> {
  const { pod, before, after } = interface_
  t.strictSame(after, before, `${pod.name}: ADD changes nothing that the pod sees`)
  t.strictSame(await release(node, interface_), after, `${pod.name}: neither does DEL`)
}

export async function fullFrames(
  t: Test,
  node: Node,
  mtuOctets: number,
  second: number,
): Promise<void> {
  const primary = bridgeOf(node, second, { mtu: mtuOctets })
  const wide = await intercept(node, `mtu-${mtuOctets}`, primaryChain(node, primary))
  const peer = await node.addPod(`peer-${mtuOctets}`, 'default', primaryChain(node, primary))
  t.equal(wide.after.link.mtu, mtuOctets)
  for (const pod of [wide.pod, peer]) await startStreamEcho(pod, ECHO_PORT, log(node))
  await frames(t, wide.pod, peer, mtuOctets)
  await judged(t, wide.pod, peer)
  await unchanged(t, node, wide)
}

export async function pointToPoint(t: Test, node: Node, peer: Pod): Promise<void> {
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]
  const primary = { type: 'ptp', ipam: ipamOf(node, 78, routes) }
  const ptp = await intercept(node, 'ptp', primaryChain(node, primary))
  await startStreamEcho(ptp.pod, ECHO_PORT, log(node))
  await judged(t, ptp.pod, peer)
  await unchanged(t, node, ptp)
}

const CALICO = {
  host: 'cali0',
  ip4: '10.79.0.2',
  ip6: 'fd00:79::2',
  router: 'fe80::ecee:eeff:feee:eeee',
}

export async function calico(t: Test, node: Node, peer: Pod): Promise<void> {
  const { host, ip4, ip6, router } = CALICO
  const ips = JSON.stringify([{ address: `${ip4}/32` }, { address: `${ip6}/128` }])
  writeScriptedPrimary(join(node.dir, 'bin'), {
    ...{ type: 'calico-like', hostIfName: host, addresses: [] },
    result: `{"cniVersion":"1.0.0","interfaces":[{"name":"${host}"},{"name":"eth0","mac":"${SCRIPTED_MAC}","sandbox":"/run/netns/none"}],"ips":${ips},"dns":{}}`,
  })
  const primary = primaryChain(node, { type: 'calico-like' })
  // Its host end has no address; the pod's first hop is one that only proxy ARP answers.
  const dress = (netns: Netns) => {
    for (const line of [
      `address add ${ip4}/32 dev eth0`,
      `-6 address add ${ip6}/128 dev eth0 nodad`,
      'route add 169.254.1.1 dev eth0 scope link',
      'route add default via 169.254.1.1 dev eth0',
      `-6 route add default via ${router} dev eth0`,
    ]) {
      netns.ip(line)
    }
  }
  const odd = await intercept(node, 'calico', primary, dress)
  await node.exec('sysctl', ['-w', `net.ipv4.conf.${host}.proxy_arp=1`])
  // Proxy ARP answers for what the node has a way to: its default route.
  await nodeIp(
    node,
    `link set ${host} address ee:ee:ee:ee:ee:ee`,
    `-6 address add ${router}/64 dev ${host} nodad`,
    `route add ${ip4} dev ${host} scope link`,
    `-6 route add ${ip6} dev ${host}`,
    'route add default dev cni0',
  )
  await startStreamEcho(odd.pod, ECHO_PORT, log(node))
  await judged(t, odd.pod, peer)
  await unchanged(t, node, odd)
}
