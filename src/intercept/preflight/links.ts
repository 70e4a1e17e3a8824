/** What the swap and every driver that swaps need. */
import { existsSync } from 'node:fs'
import { isReleaseSince } from '../../core/kernel-release.js'
import { decodeLink } from '../../core/netlink/link.js'
import {
  getLinkByName,
  newVethPair,
  setLink,
  type VethEnd,
} from '../../core/netlink/link-request.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import { apply } from '../rtnetlink.js'
import type { Probe, ProbeHost, ProbeNetns } from './probe.js'

/** The loopback device of any namespace: enough for a qdisc and filters. */
export const LO_IFINDEX = 1
const PROBE_IFINDEX = 10_900_000

function vethEnd(name: string): VethEnd {
  return { name, ifindex: 0, mtuOctets: 1500, txQueueFrames: 1000, mac: null }
}

function ifindexOf(host: ProbeHost, { netlinkFd }: ProbeNetns, name: string): number | null {
  const [message] = apply(host.os, netlinkFd, [getLinkByName(name)], { accept: ['ENODEV'] })
  return message === undefined ? null : (decodeLink(message)?.ifindex ?? null)
}

function makeVeth(host: ProbeHost, name: string): void {
  const pair = newVethPair(vethEnd(name), vethEnd(`${name}-peer`), null)
  apply(host.os, host.near.netlinkFd, [pair])
}

export const LINK_PROBES: readonly Probe[] = [
  {
    subject: 'veth',
    otherwise: 'missing',
    cost: 'no pod can be intercepted',
    cure: 'modprobe veth (CONFIG_VETH)',
    holds: (host) => {
      makeVeth(host, 'probe-veth')
      return true
    },
  },
  {
    subject: 'IFLA_NEW_IFINDEX',
    otherwise: 'missing',
    cost: 'interface indexes can not be kept: the swap is refused',
    cure: 'a kernel from 5.13 on',
    holds: (host) => {
      // A kernel that does not know the attribute moves the link and says nothing.
      makeVeth(host, 'probe-move')
      const ifindex = ifindexOf(host, host.near, 'probe-move') ?? 0
      const move = { netnsFd: host.far.fd, newIfindex: PROBE_IFINDEX }
      apply(host.os, host.near.netlinkFd, [setLink(ifindex, move)])
      return ifindexOf(host, host.far, 'probe-move') === PROBE_IFINDEX
    },
  },
  {
    subject: 'ingress qdisc',
    otherwise: 'missing',
    cost: 'no filter can be installed: drivers bpf and tc do not work',
    cure: 'modprobe sch_ingress (CONFIG_NET_SCH_INGRESS)',
    holds: (host) => {
      apply(host.os, host.near.netlinkFd, [replaceIngress(LO_IFINDEX)])
      return true
    },
  },
  {
    subject: 'AF_PACKET',
    otherwise: 'missing',
    cost: 'nothing is inspected: inline pods take their failure setting',
    cure: 'modprobe af_packet (CONFIG_PACKET)',
    holds: () => existsSync('/proc/net/packet'),
  },
  {
    subject: 'UDP segmentation in virtio_net_hdr',
    otherwise: 'degraded',
    cost: 'UDP segmentation is off on vbr-neuv: QUIC of inspected pods costs more CPU',
    cure: 'a kernel from 6.2 on',
    holds: ({ release }) => isReleaseSince(release, [6, 2]),
  },
]
