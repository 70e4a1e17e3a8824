/** Frames of a pod that says it is another, and those that it may always send and get, each with a twin that it may not. */
import type { Pod } from '../node.js'
import { arp, ether, etherOf, groupMac, icmp4, icmp6, ip, nd, target, udp } from './frame-octets.js'
import type { Port } from './pipe/traffic.js'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
export const STRANGER = '02:00:00:00:ee:ee'
const MARKER = '4e:65:75:56:00:01'
export const GATEWAY = '10.77.0.1'
const [GATEWAY_6, ROUTER] = ['fd00:77::1', 'fe80::1']
const [STRANGER_4, STRANGER_6] = ['10.77.0.99', 'fd00:77::99']
const ALL_NODES = 'ff02::1'
export const ETH_ARP = 0x0806

export interface Side {
  readonly pod: Pod
  readonly mac: string
  readonly linkLocal: string
  readonly eth0: Port
  /** The primary CNI's end: what comes from the pod comes in here. */
  readonly host: Port
}

/** Who lies, and whom it would be. */
export interface Sides {
  readonly mallory: Side
  readonly victim: Side
}

export const datagram = (from: string, to: Side, payload = Buffer.from('hello')): Buffer =>
  udp({ from, to: from.includes(':') ? to.pod.ip6 : to.pod.ip4 }, [5000, 5001], payload)

/** By the reason that they are to be reported with. */
export function spoofs({ mallory, victim }: Sides): Record<string, readonly string[]> {
  const { mac, pod, linkLocal } = mallory
  const macs = { to: victim.mac, from: mac }
  const arpOf = (fields: { operation: 1 | 2; mac: string; sender: string }) =>
    ether(BROADCAST, mac, ETH_ARP, arp({ ...fields, target: GATEWAY }))
  const own = datagram(pod.ip4, victim)
  const toAll = { to: groupMac(ALL_NODES), from: mac }
  const ndOf = (from: string, type: number, fixed: Buffer, option?: [number, string]) =>
    etherOf(toAll, nd({ from, to: ALL_NODES }, type, fixed, option))
  return {
    'foreign-mac': [etherOf({ to: victim.mac, from: STRANGER }, own)],
    'forged-marker': [
      etherOf({ to: MARKER, from: mac }, own),
      etherOf({ to: victim.mac, from: MARKER }, own),
    ],
    'spoofed-ip': [
      etherOf(macs, datagram(victim.pod.ip4, victim)),
      etherOf(macs, datagram('10.77.99.99', victim)),
      etherOf(macs, datagram('fd00:77::bad', victim)),
    ],
    'spoofed-arp': [
      arpOf({ operation: 1, mac, sender: victim.pod.ip4 }),
      arpOf({ operation: 2, mac: victim.mac, sender: pod.ip4 }),
      ether(BROADCAST, mac, ETH_ARP, arp({ operation: 1, mac, sender: GATEWAY, target: GATEWAY })),
    ],
    'spoofed-nd': [
      ndOf(pod.ip6, 136, target(GATEWAY_6), [2, mac]),
      ndOf(pod.ip6, 135, target(GATEWAY_6), [1, STRANGER]),
      ndOf(ROUTER, 135, target(GATEWAY_6), [1, mac]),
      ndOf(linkLocal, 134, Buffer.alloc(8)),
      ndOf(linkLocal, 137, Buffer.concat([target(GATEWAY_6), target(victim.pod.ip6)])),
    ],
  }
}

export interface Row {
  readonly what: string
  readonly good: string
  /** The same, but false or out of its place. */
  readonly twin: string
}

/** What a pod under default deny may send all the same. */
export function essentialsFromPod({ mallory, victim }: Sides): Row[] {
  const { mac, pod, linkLocal } = mallory
  const toGroup = (group: string) => ({ to: groupMac(group), from: mac })
  const say = (operation: 1 | 2, sender: string) =>
    ether(BROADCAST, mac, ETH_ARP, arp({ operation, mac, sender, target: GATEWAY }))
  const multicast = (packet: Buffer, group: string) => etherOf(toGroup(group), packet)
  const solicit = (from: string, type: number, fixed: Buffer, option?: [number, string]) =>
    multicast(nd({ from, to: ALL_NODES }, type, fixed, option), ALL_NODES)
  const igmp = (hops: number) =>
    multicast(ip({ from: pod.ip4, to: '224.0.0.22', hops }, 2, Buffer.alloc(8)), '224.0.0.22')
  const mld = (from: string) =>
    multicast(icmp6({ from, to: 'ff02::16', hops: 1 }, 143, Buffer.alloc(4)), 'ff02::16')
  const dhcp = (to: string, ports: [number, number], from = '0.0.0.0') =>
    etherOf({ to: BROADCAST, from: mac }, udp({ from, to }, ports, Buffer.from('lease')))
  const dhcp6 = (from: string) =>
    multicast(udp({ from, to: 'ff02::1:2' }, [546, 547], Buffer.from('lease')), 'ff02::1:2')
  return [
    { what: 'ARP request', good: say(1, pod.ip4), twin: say(1, victim.pod.ip4) },
    { what: 'ARP reply', good: say(2, pod.ip4), twin: say(2, GATEWAY) },
    { what: 'ARP probe', good: say(1, '0.0.0.0'), twin: say(2, '0.0.0.0') },
    {
      what: 'address that endpoints.d lists',
      ...{ good: say(1, '10.77.200.1'), twin: say(1, '10.77.200.2') },
    },
    {
      what: 'RS',
      good: solicit(linkLocal, 133, Buffer.alloc(0), [1, mac]),
      twin: solicit(linkLocal, 133, Buffer.alloc(0), [1, STRANGER]),
    },
    {
      what: 'DAD',
      good: solicit('::', 135, target(pod.ip6)),
      twin: solicit('::', 135, target(pod.ip6), [1, mac]),
    },
    {
      what: 'NS',
      good: solicit(pod.ip6, 135, target(GATEWAY_6), [1, mac]),
      twin: solicit(GATEWAY_6, 135, target(pod.ip6), [1, mac]),
    },
    {
      what: 'NA',
      good: solicit(pod.ip6, 136, target(pod.ip6), [2, mac]),
      twin: solicit(pod.ip6, 136, target(victim.pod.ip6), [2, mac]),
    },
    { what: 'IGMP report', good: igmp(1), twin: igmp(64) },
    { what: 'MLD report', good: mld(linkLocal), twin: mld(pod.ip6) },
    {
      what: 'DHCPv4 discover',
      good: dhcp('255.255.255.255', [68, 67]),
      twin: dhcp('255.255.255.255', [67, 68], pod.ip4),
    },
    {
      what: 'DHCPv4 renewal',
      good: dhcp(GATEWAY, [68, 67], pod.ip4),
      twin: dhcp(victim.pod.ip4, [68, 67], pod.ip4),
    },
    { what: 'DHCPv6 solicit', good: dhcp6(linkLocal), twin: dhcp6(ROUTER) },
  ]
}

/** What reaches it. The node itself is no sender here: what it sends passes by policy. */
export function essentialsToPod({ mallory, victim }: Sides): Row[] {
  const { mac, pod, linkLocal } = mallory
  const macs = { to: mac, from: STRANGER }
  const say = (operation: 1 | 2, addressOctets = 4) =>
    ether(
      mac,
      STRANGER,
      ETH_ARP,
      arp({ operation, mac: STRANGER, sender: GATEWAY, target: pod.ip4, addressOctets }),
    )
  const multicast = (packet: Buffer, group: string) =>
    etherOf({ to: groupMac(group), from: STRANGER }, packet)
  const neighbour = (from: string, type: number, fixed: Buffer, hops = 255) =>
    etherOf(macs, nd({ from, to: linkLocal, hops }, type, fixed))
  const advertised = Buffer.concat([target(GATEWAY_6), target(victim.pod.ip6)])
  const igmp = (hops: number) =>
    multicast(ip({ from: STRANGER_4, to: '224.0.0.1', hops }, 2, Buffer.alloc(8)), '224.0.0.1')
  const mld = (from: string) =>
    multicast(icmp6({ from, to: ALL_NODES, hops: 1 }, 130, Buffer.alloc(20)), ALL_NODES)
  const lease = (from: string, to: string, ports: [number, number]) =>
    etherOf(macs, udp({ from, to }, ports, Buffer.from('lease')))
  /** Fragmentation needed and packet too big, quoting a datagram of port `port` to the victim. */
  const tooBig4 = (port: number) => {
    const hops = { from: pod.ip4, to: victim.pod.ip4 }
    const quoted = udp(hops, [port, 5001], Buffer.from('hello')).subarray(0, 28)
    const rest = Buffer.concat([Buffer.from([0, 0, 5, 0]), quoted])
    return etherOf(macs, icmp4({ from: STRANGER_4, to: pod.ip4 }, 3, 4, rest))
  }
  const tooBig6 = (port: number) => {
    const hops = { from: pod.ip6, to: victim.pod.ip6 }
    const quoted = udp(hops, [port, 5001], Buffer.from('hello'))
    // The MTU tells the two apart: no more than 96 octets of a frame are kept.
    const rest = Buffer.concat([Buffer.from([0, 0, 5, port & 0xff]), quoted])
    return etherOf(macs, icmp6({ from: STRANGER_6, to: pod.ip6 }, 2, rest))
  }
  return [
    { what: 'ARP request', good: say(1), twin: say(1, 16) },
    { what: 'ARP reply', good: say(2), twin: say(2, 16) },
    {
      what: 'NS',
      good: neighbour(ROUTER, 135, target(pod.ip6)),
      twin: neighbour(ROUTER, 135, target(pod.ip6), 64),
    },
    {
      what: 'NA',
      good: neighbour(STRANGER_6, 136, target(STRANGER_6)),
      twin: neighbour(STRANGER_6, 136, target(STRANGER_6), 64),
    },
    {
      what: 'RA',
      good: neighbour(ROUTER, 134, Buffer.alloc(8)),
      twin: neighbour(STRANGER_6, 134, Buffer.alloc(8)),
    },
    {
      what: 'Redirect',
      good: neighbour(ROUTER, 137, advertised),
      twin: neighbour(ROUTER, 137, advertised, 64),
    },
    { what: 'IGMP query', good: igmp(1), twin: igmp(64) },
    { what: 'MLD query', good: mld(ROUTER), twin: mld(STRANGER_6) },
    {
      what: 'DHCPv4 answer',
      good: lease(GATEWAY, pod.ip4, [67, 68]),
      twin: lease(victim.pod.ip4, pod.ip4, [67, 68]),
    },
    {
      what: 'DHCPv6 answer',
      good: lease(ROUTER, linkLocal, [547, 546]),
      twin: lease(victim.linkLocal, linkLocal, [547, 546]),
    },
    { what: 'fragmentation needed of a live flow', good: tooBig4(5000), twin: tooBig4(5002) },
    { what: 'packet too big of a live flow', good: tooBig6(5000), twin: tooBig6(5002) },
  ]
}
