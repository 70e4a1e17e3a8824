/** A path that lets less through than its ends believe. */
import type { Test } from 'tap'
import { exec, type Node, Pod } from '../../node.js'

/** IPv6 must carry 1280 (RFC 8200 §5). */
export const NARROW_OCTETS = 1300

/** node — router — far: beyond the router only 1300 octets pass, and the far end does not say so. */
export async function narrowPath(t: Test, node: Node): Promise<Pod> {
  const [router, far] = [`${node.instance.name}-router`, `${node.instance.name}-far`]
  t.teardown(async () => {
    for (const netns of [router, far]) await exec('ip', ['netns', 'del', netns])
  })
  for (const line of narrowLines(node.netns, router, far)) {
    const { status, stderr } = await exec('ip', line.split(' '))
    if (status !== 0) throw new Error(`ip ${line}: ${stderr}`)
  }
  const settings = ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']
  await exec('ip', ['netns', 'exec', router, 'sysctl', '-w', ...settings])
  return new Pod('far', '', far, '198.51.100.2', '2001:db8:2::2', {})
}

const narrowLines = (node: string, router: string, far: string): readonly string[] => [
  `netns add ${router}`,
  `netns add ${far}`,
  `link add south netns ${node} type veth peer name north netns ${router}`,
  `link add south mtu ${NARROW_OCTETS} netns ${router} type veth peer name eth0 mtu ${NARROW_OCTETS} netns ${far}`,
  `-n ${node} link set south up`,
  `-n ${router} link set north up`,
  `-n ${router} link set south up`,
  `-n ${far} link set eth0 up`,
  `-n ${node} address add 192.0.2.1/24 dev south`,
  `-n ${router} address add 192.0.2.2/24 dev north`,
  `-n ${router} address add 198.51.100.1/24 dev south`,
  `-n ${far} address add 198.51.100.2/24 dev eth0`,
  `-n ${node} address add 2001:db8:1::1/64 dev south nodad`,
  `-n ${router} address add 2001:db8:1::2/64 dev north nodad`,
  `-n ${router} address add 2001:db8:2::1/64 dev south nodad`,
  `-n ${far} address add 2001:db8:2::2/64 dev eth0 nodad`,
  `-n ${node} route add 198.51.100.0/24 via 192.0.2.2`,
  `-n ${node} route add 2001:db8:2::/64 via 2001:db8:1::2`,
  `-n ${router} route add 10.77.0.0/16 via 192.0.2.1`,
  `-n ${router} route add fd00:77::/64 via 2001:db8:1::1`,
  `-n ${far} route add default via 198.51.100.1 advmss 1460`,
  `-n ${far} -6 route add default via 2001:db8:2::1 advmss 1440`,
]
