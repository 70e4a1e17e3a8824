/** Everything of an instance's that dpd has to keep as it is, read from the kernel, to be compared. */
import { closeSync, readdirSync, statfsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { addressText } from '../../../src/core/netlink/address.js'
import { decodeBpfFilter } from '../../../src/core/netlink/cls-bpf.js'
import type { Dumped } from '../../../src/core/netlink/dumped.js'
import { decodeLink, IFF_UP, type Link } from '../../../src/core/netlink/link.js'
import { dumpLinks } from '../../../src/core/netlink/link-request.js'
import { os } from '../../../src/intercept/addon.js'
import { readDevices } from '../../../src/intercept/devices.js'
import { FEATURES_OFF, SYSCTLS } from '../../../src/intercept/enforcer.js'
import { openNetns } from '../../../src/intercept/netns.js'
import { readPodState } from '../../../src/intercept/pod-state.js'
import { dump } from '../../../src/intercept/rtnetlink.js'
import type { Node } from '../../node.js'
import { mapFd } from './maps.js'

const NETLINK_ROUTE = 0
/** linux/rtnetlink.h: RTA_CACHEINFO, of a route that lives. */
const VOLATILE = [12]

interface Inside {
  readonly netnsFd: number
  readonly netlinkFd: number
}

/** A namespace that is not there is a picture too. */
function inside(path: string, read: (netns: Inside) => unknown): unknown {
  const netns = openNetns(path)
  if (netns === null) return 'no namespace'
  const netlinkFd = os.netlinkOpen(netns.fd, NETLINK_ROUTE)
  try {
    return read({ netnsFd: netns.fd, netlinkFd })
  } finally {
    os.close(netlinkFd)
    closeSync(netns.fd)
  }
}

function linksOf({ netlinkFd }: Inside): Link[] {
  return dump(os, netlinkFd, dumpLinks()).flatMap((message) => decodeLink(message) ?? [])
}

/** A pair that is made anew has other MACs where nobody sees them. */
function linkText(link: Link): string {
  const { ifindex, name, mac, mtuOctets, peerIfindex, masterIfindex, alias, flags } = link
  const seen = /^(vin-|vbr-|vth-)/.test(name) ? '' : mac
  const isUp = (flags & IFF_UP) !== 0
  const port = JSON.stringify(link.bridgePort)
  return [ifindex, name, seen, mtuOctets, peerIfindex, masterIfindex, alias, isUp, port].join(' ')
}

function devices(netns: Inside): unknown {
  const all = readDevices(os, netns.netlinkFd)
  const sorted = linksOf(netns).sort((a, b) => a.ifindex - b.ifindex)
  return sorted.map((link) => ({
    link: linkText(link),
    qdiscs: all.qdiscs(link.ifindex).map(({ kind, parent }) => `${kind} ${parent}`),
    filters: all.filters(link.ifindex).map((filter) => {
      const program = decodeBpfFilter(filter)?.programId ?? ''
      return `${filter.chain} ${filter.priority} ${filter.handle} ${filter.kind} ${program}`
    }),
  }))
}

const hex = ({ header, attributes }: Dumped): string =>
  [header, ...attributes.filter(({ type }) => !VOLATILE.includes(type)).map((a) => a.octets)]
    .map((octets) => Buffer.from(octets).toString('hex'))
    .join(' ')

/** What a rebuilt end has to have again: eth0 in a pod, or a host veth. */
function outerEnds(netns: Inside): unknown {
  return linksOf(netns)
    .filter(({ kind }) => kind === 'veth')
    .sort((a, b) => a.ifindex - b.ifindex)
    .map((link) => {
      const { addresses, routes, neighbours, sysctls } = readPodState(os, netns, link)
      return {
        link: linkText(link),
        addresses: addresses.map(addressText).sort(),
        routes: routes.map(hex).sort(),
        neighbours: neighbours.map(hex).sort(),
        sysctls,
      }
    })
}

function mounts({ instance }: Node): unknown {
  return [instance.netnsPath, instance.netnsSparePath].map((path) => {
    const { ino, dev } = statSync(path)
    return `${path} ${statfsSync(path).type} ${dev}:${ino}`
  })
}

function pins({ instance }: Node): unknown {
  return readdirSync(instance.bpffsDir, { recursive: true, encoding: 'utf8' })
    .sort()
    .filter((name) => name.includes('/'))
    .map((name) => {
      const fd = os.bpf.get(join(instance.bpffsDir, name))
      if (fd === null) return name
      try {
        return `${name} ${os.bpf.objectId(fd)}`
      } finally {
        os.close(fd)
      }
    })
}

function entries(node: Node, map: string): string {
  const fd = mapFd(node, map)
  try {
    const { keys, values } = os.bpf.mapEntries(fd)
    const keyOctets = 4
    const count = keys.length / keyOctets
    const valueOctets = values.length / Math.max(1, count)
    return Array.from({ length: count }, (_, i) => {
      const value = values.subarray(i * valueOctets, (i + 1) * valueOctets)
      if (value.every((octet) => octet === 0)) return ''
      const key = Buffer.from(keys.subarray(i * keyOctets, (i + 1) * keyOctets)).readUInt32LE()
      return `${key} ${Buffer.from(value).toString('hex')}`
    })
      .filter((line) => line !== '')
      .sort()
      .join('\n')
  } finally {
    os.close(fd)
  }
}

function settings({ netnsFd }: Inside): unknown {
  const paths = SYSCTLS.map(([path]) => path)
  return [
    os.netnsReadFiles(netnsFd, paths),
    os.ethtoolFeaturesOn(netnsFd, 'vbr-neuv', FEATURES_OFF),
  ]
}

/** A thing that is missing is a picture too. */
function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return String(error).slice(0, 200)
  }
}

export function picture(node: Node): Readonly<Record<string, unknown>> {
  const enforcer = node.instance.netnsPath
  return {
    mounts: attempt(() => mounts(node)),
    devices: attempt(() => inside(enforcer, devices)),
    settings: attempt(() => inside(enforcer, settings)),
    pins: attempt(() => pins(node)),
    endpoints: attempt(() => entries(node, 'endpoints')),
    deviceEntries: attempt(() => entries(node, 'devices')),
    pods: node.pods.map(({ netnsPath }) => attempt(() => inside(netnsPath, outerEnds))),
    hosts: attempt(() => inside(`/run/netns/${node.netns}`, outerEnds)),
  }
}
