/** The enforcer namespace with vbr-neuv and vth-neuv: made by whoever comes first, found by the rest. */
import { closeSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Instance, VBR_IFINDEX, VBR_NAME, VTH_IFINDEX, VTH_NAME } from '../core/instance.js'
import { decodeLink, IFF_UP, type Link } from '../core/netlink/link.js'
import { getLinkByIndex, newVethPair, setLink } from '../core/netlink/link-request.js'
import type { InterceptContext } from './context.js'
import type { Enforcer } from './driver.js'
import { withLock } from './lock.js'
import { isNetns, type OpenNetns, openNetns } from './netns.js'
import type { Os } from './os.js'
import { GSO_MAX_OCTETS } from './replay.js'
import { apply } from './rtnetlink.js'

/** linux/netlink.h */
export const NETLINK_ROUTE = 0
/** A frame of any pod fits, jumbo and GSO alike (kernel-findings, trap 6). */
export const MTU_OCTETS = 65535
const TX_QUEUE_FRAMES = 10_000
/** What vnet_hdr can't say below 6.2, or at all: the kernel segments before it hands the frame over. */
export const FEATURES_OFF = [
  'tx-udp-segmentation',
  'tx-sctp-segmentation',
  'tx-checksum-sctp',
  'tx-gre-segmentation',
  'tx-gre-csum-segmentation',
  'tx-ipxip4-segmentation',
  'tx-ipxip6-segmentation',
  'tx-udp_tnl-segmentation',
  'tx-udp_tnl-csum-segmentation',
  'tx-gso-list',
]
/** IPv6 off before any device exists: the enforcer must never answer for itself. */
export const SYSCTLS = [
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
  ['/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'],
  ['/proc/sys/net/ipv4/ip_forward', '0'],
  ['/proc/sys/net/ipv4/conf/all/arp_ignore', '8'],
  ['/proc/sys/net/ipv4/conf/default/arp_ignore', '8'],
] as const

/**
 * A spare mount outside /run: a namespace that loses its last name takes every pod's network with it.
 * Where the two differ, one was made anew while the other held the pods' links: that one stays.
 */
function ensureNamespace(os: Os, { netnsPath, netnsSparePath }: Instance): void {
  const paths = [netnsPath, netnsSparePath]
  for (const path of paths) mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  if (!paths.some(isNetns)) os.netnsCreate(netnsPath)
  const open: OpenNetns[] = []
  try {
    for (const path of paths) {
      const netns = openNetns(path)
      if (netns !== null) open.push(netns)
    }
    const isOne = new Set(open.map(({ identity }) => identity)).size === 1
    const kept = (isOne ? undefined : open.find(({ fd }) => hasDevices(os, fd))) ?? open[0]
    if (kept === undefined) return
    for (const path of paths) bindOver(os, kept, path)
  } finally {
    for (const { fd } of open) closeSync(fd)
  }
}

function hasDevices(os: Os, netnsFd: number): boolean {
  const netlinkFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
  try {
    return linkByIndex(os, netlinkFd, VBR_IFINDEX) !== null
  } finally {
    os.close(netlinkFd)
  }
}

/** One namespace over whatever is mounted there. */
export function bindOver(os: Os, kept: OpenNetns, path: string): void {
  const there = openNetns(path)
  if (there !== null) closeSync(there.fd)
  if (there?.identity === kept.identity) return
  if (there !== null) os.unmount(path)
  os.netnsBind(kept.fd, path)
}

export function openEnforcer(os: Os, instance: Instance): Enforcer | null {
  const netns = openNetns(instance.netnsPath) ?? openNetns(instance.netnsSparePath)
  if (netns === null) return null
  try {
    return { netnsFd: netns.fd, netlinkFd: os.netlinkOpen(netns.fd, NETLINK_ROUTE) }
  } catch (error) {
    closeSync(netns.fd)
    throw error
  }
}

export function closeEnforcer(os: Os, enforcer: Enforcer): void {
  os.close(enforcer.netlinkFd)
  closeSync(enforcer.netnsFd)
}

/** null = no such link. */
export function linkByIndex(os: Os, netlinkFd: number, ifindex: number): Link | null {
  return linksByIndex(os, netlinkFd, [ifindex])[0] ?? null
}

/** In the order asked for. */
export function linksByIndex(
  os: Os,
  netlinkFd: number,
  ifindexes: readonly number[],
): (Link | null)[] {
  const messages = apply(os, netlinkFd, ifindexes.map(getLinkByIndex), { accept: ['ENODEV'] })
  const links = messages.map(decodeLink)
  return ifindexes.map((ifindex) => links.find((link) => link?.ifindex === ifindex) ?? null)
}

/** A kernel booted without IPv6 has no such file. */
const ENOENT = 2

export function setSysctls(os: Os, netnsFd: number): void {
  os.netnsWriteFiles(netnsFd, SYSCTLS).forEach((errno, at) => {
    if (errno === 0 || errno === ENOENT) return
    throw new Error(`${SYSCTLS[at]?.[0]} of the enforcer namespace can't be set (errno ${errno})`)
  })
}

/** Both ends, down; the sysctls before them. Done again where it broke off. */
export function makeDevices(os: Os, { netnsFd, netlinkFd }: Enforcer): void {
  if (linkByIndex(os, netlinkFd, VBR_IFINDEX) === null) {
    setSysctls(os, netnsFd)
    const end = { mtuOctets: MTU_OCTETS, txQueueFrames: TX_QUEUE_FRAMES, mac: null }
    const vbr = { ...end, name: VBR_NAME, ifindex: VBR_IFINDEX }
    const vth = { ...end, name: VTH_NAME, ifindex: VTH_IFINDEX }
    apply(os, netlinkFd, [newVethPair(vbr, vth, null)])
  }
  apply(os, netlinkFd, [setLink(VBR_IFINDEX, { gsoMaxOctets: GSO_MAX_OCTETS }, VBR_NAME)])
  os.ethtoolFeaturesOff(netnsFd, VBR_NAME, FEATURES_OFF)
}

/** What reaches vth must be meant for the engine alone: it is up when its filters are there. */
export function setDevicesUp(os: Os, { netlinkFd }: Enforcer): void {
  apply(os, netlinkFd, [setLink(VTH_IFINDEX, { up: true }, VTH_NAME)])
  // In a batch of its own: that it is up says that the rest was done.
  apply(os, netlinkFd, [setLink(VBR_IFINDEX, { up: true }, VBR_NAME)])
}

function ensureDevices({ os, driver }: InterceptContext, enforcer: Enforcer): void {
  const links = linksByIndex(os, enforcer.netlinkFd, [VBR_IFINDEX, VTH_IFINDEX])
  const areUp = links.every((link) => link !== null && (link.flags & IFF_UP) !== 0)
  if (!areUp) makeDevices(os, enforcer)
  driver.ensureShared(enforcer)
  if (!areUp) setDevicesUp(os, enforcer)
}

/** Idempotent; under the instance's lock. */
export function ensureEnforcer(context: InterceptContext): Enforcer {
  const { os, instance } = context
  return withLock(os, instance.lockPath, () => {
    ensureNamespace(os, instance)
    const enforcer = openEnforcer(os, instance)
    if (enforcer === null) throw new Error(`${instance.netnsPath}: made, but not a namespace`)
    try {
      ensureDevices(context, enforcer)
      return enforcer
    } catch (error) {
      closeEnforcer(os, enforcer)
      throw error
    }
  })
}

/** Destroys every link inside: release the pods first. */
export function removeEnforcer(os: Os, instance: Instance): void {
  for (const path of [instance.netnsPath, instance.netnsSparePath]) {
    // A name may be mounted over more than once by processes that raced.
    for (let depth = 0; isNetns(path) && depth < 8; depth++) os.unmount(path)
    if (existsSync(path)) rmSync(path, { force: true })
  }
}
