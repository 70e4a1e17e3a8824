/**
 * Puts a pod's state on the interface that has its name now. Which requests, and in which order, is pure;
 * the order is the kernel's: an address with a lifetime gets its prefix route only on a link that is up,
 * a link-local address is made when it goes up unless forbidden, a gateway needs its link route first.
 */
import {
  addAddress,
  addressOn,
  addressText,
  amendAddress,
  deleteAddress,
  inOrderOfAdding,
  isJoinedGroup,
} from '../core/netlink/address.js'
import type { Dumped } from '../core/netlink/dumped.js'
import {
  decodeLink,
  IFF_ALLMULTI,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_RUNNING,
  IFF_UP,
  IN6_ADDR_GEN_MODE_NONE,
  type Link,
} from '../core/netlink/link.js'
import {
  addAltNames,
  getLinkByName,
  type LinkChange,
  setLink,
  setLinkFlags,
} from '../core/netlink/link-request.js'
import type { Request } from '../core/netlink/message.js'
import { addNeighbour } from '../core/netlink/neighbour.js'
import {
  addRoute,
  deleteRoute,
  hasGateway,
  routeKey,
  steppingRoutes,
} from '../core/netlink/route.js'
import type { Os } from './os.js'
import {
  type PodNetns,
  type PodState,
  readAddresses,
  readLink,
  readRoutes,
  readSysctls,
  type Sysctl,
  sysctlPath,
} from './pod-state.js'
import { apply } from './rtnetlink.js'

/** vnet_hdr has no words for a larger frame (BIG TCP). */
export const GSO_MAX_OCTETS = 65536

/** What differs between two links that should be alike; a GSO limit above ours is left to its device. */
export function linkDifference(want: Link, have: Link): LinkChange {
  const gso = (link: Link): number => Math.min(link.gsoMaxOctets ?? GSO_MAX_OCTETS, GSO_MAX_OCTETS)
  const segments = want.gsoMaxSegments
  return {
    ...(want.mac === have.mac ? {} : { mac: want.mac }),
    ...(want.alias === have.alias ? {} : { alias: want.alias }),
    ...(want.mtuOctets === have.mtuOctets ? {} : { mtuOctets: want.mtuOctets }),
    ...(want.txQueueFrames === have.txQueueFrames ? {} : { txQueueFrames: want.txQueueFrames }),
    ...(want.group === have.group ? {} : { group: want.group }),
    ...(gso(want) === gso(have) ? {} : { gsoMaxOctets: gso(want) }),
    ...(segments === null || segments === have.gsoMaxSegments ? {} : { gsoMaxSegments: segments }),
  }
}

/** disable_ipv6 comes first: it decides whether the rest of ipv6/conf means anything. */
export function sysctlDifference(want: readonly Sysctl[], have: readonly Sysctl[]): Sysctl[] {
  const present = new Map(have)
  const differing = want.filter(([template, value]) => present.get(template) !== value)
  const isFirst = ([template]: Sysctl): boolean => template.endsWith('/disable_ipv6')
  return [...differing.filter(isFirst), ...differing.filter((sysctl) => !isFirst(sysctl))]
}

/** Their order chooses sources: what a replay that broke off has left goes, unless all is as it should be. */
export function staleAddresses(want: readonly Dumped[], have: readonly Dumped[]): Dumped[] {
  const isAsWanted =
    want.length === have.length &&
    want.every(
      (address, at) => have[at] !== undefined && addressText(address) === addressText(have[at]),
    )
  return isAsWanted ? [] : [...have]
}

/** Until the link is up and addressed. */
export function addressRequests({ link, addresses }: PodState, have: Link): Request[] {
  const { ifindex, addrGenMode } = link
  const none = { addrGenMode: IN6_ADDR_GEN_MODE_NONE }
  const ordered = inOrderOfAdding(addresses)
  return [
    ...(addrGenMode === null ? [] : [setLink(ifindex, none, link.name)]),
    setLink(ifindex, { ...linkDifference(link, have), up: (link.flags & IFF_UP) !== 0 }, link.name),
    ...ordered.map(addAddress),
    ...ordered.flatMap((address) => amendAddress(address) ?? []),
  ]
}

/** The kernel makes routes of its own with each address: what wasn't there goes, what is missing comes. */
export function routeRequests(
  want: readonly Dumped[],
  have: readonly Dumped[],
): { readonly surplus: Request[]; readonly missing: Request[]; readonly passing: Request[] } {
  const [wanted, present] = [new Set(want.map(routeKey)), new Set(have.map(routeKey))]
  const missing = want.filter((route) => !present.has(routeKey(route)))
  const near = missing.filter((route) => !hasGateway(route))
  const far = missing.filter(hasGateway)
  const stones = new Map(far.flatMap(steppingRoutes).map((stone) => [routeKey(stone), stone]))
  return {
    surplus: have.filter((route) => !wanted.has(routeKey(route))).map(deleteRoute),
    missing: [...near, ...stones.values(), ...far].map(addRoute),
    // A replay that breaks off before has them for surplus when it is done again.
    passing: [...stones.values()].map(deleteRoute),
  }
}

export function closingRequests({ link, neighbours, learned = [] }: PodState): Request[] {
  const { ifindex, addrGenMode } = link
  return [
    ...[...learned, ...neighbours].map(addNeighbour),
    setLinkFlags(ifindex, link.flags & (IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP)),
    ...(addrGenMode === null ? [] : [setLink(ifindex, { addrGenMode }, link.name)]),
  ]
}

/**
 * The kernel's own membership of an autojoin address outlives the device, under its index: joining again
 * under that index would be EADDRINUSE. To be done before the interface of that name goes.
 */
export function leaveGroups(os: Os, { netlinkFd }: PodNetns, state: PodState): void {
  const joined = state.addresses.filter(isJoinedGroup)
  const link = joined.length === 0 ? null : readLink(os, netlinkFd, state.link.name)
  if (link === null) return
  const requests = joined.map((address) => deleteAddress(addressOn(address, link.ifindex)))
  apply(os, netlinkFd, requests, { accept: ['EADDRNOTAVAIL'] })
}

/** linkwatch is scheduled at once for a veth; a busy node may take this long. */
const OPERATIONAL_TIMEOUT_MS = 500
const POLL_MS = 1
const neverWoken = new Int32Array(new SharedArrayBuffer(4))

/**
 * The carrier's event reaches addrconf after the link is up, and makes a link-local address by the mode
 * that is set then: the mode is put back when that is over. A link that had no carrier gets none now.
 */
export function awaitOperational(
  os: Os,
  netlinkFd: number,
  { name, flags }: Pick<Link, 'name' | 'flags'>,
): void {
  if ((flags & IFF_RUNNING) === 0) return
  for (let spentMs = 0; spentMs < OPERATIONAL_TIMEOUT_MS; spentMs += POLL_MS) {
    const [link] = apply(os, netlinkFd, [getLinkByName(name)]).map(decodeLink)
    if (((link?.flags ?? 0) & IFF_RUNNING) !== 0) return
    Atomics.wait(neverWoken, 0, 0, POLL_MS)
  }
}

/** Any number of times; on an interface that is as it should be it changes nothing that lasts. */
export function replayPodState(
  os: Os,
  warn: (message: string) => void,
  pod: PodNetns,
  state: PodState,
): void {
  const { netlinkFd } = pod
  const { link } = state
  const have = apply(os, netlinkFd, [getLinkByName(link.name)]).map(decodeLink)[0] ?? link
  writeSysctls(os, warn, pod, state)
  const stale = staleAddresses(state.addresses, readAddresses(os, netlinkFd, link.ifindex))
  // A secondary goes with its primary.
  apply(os, netlinkFd, stale.map(deleteAddress), { accept: ['EADDRNOTAVAIL'] })
  apply(os, netlinkFd, addressRequests(state, have))
  const routes = routeRequests(state.routes, readRoutes(os, netlinkFd, link.ifindex))
  apply(os, netlinkFd, routes.surplus, { accept: ['ESRCH', 'ENOENT'] })
  apply(os, netlinkFd, routes.missing, { accept: ['EEXIST'] })
  apply(os, netlinkFd, routes.passing, { accept: ['ESRCH'] })
  awaitOperational(os, netlinkFd, link)
  apply(os, netlinkFd, closingRequests(state))
  writeFiles(os, warn, pod, link.name, settingsOfLinkUp(state))
  const absent = link.altNames.filter((name) => !have.altNames.includes(name))
  if (absent.length > 0) apply(os, netlinkFd, [addAltNames(link.ifindex, absent)])
}

/** Going up sets ipv6/conf/mtu to the link's (addrconf_notify): a smaller one comes after that. */
export function settingsOfLinkUp({ link, sysctls }: PodState): Sysctl[] {
  return sysctls.filter(
    ([template, value]) => template === 'ipv6/conf/%s/mtu' && value !== String(link.mtuOctets),
  )
}

function writeSysctls(
  os: Os,
  warn: (message: string) => void,
  pod: PodNetns,
  { link, sysctls }: PodState,
): void {
  const { name } = link
  const changes = sysctlDifference(sysctls, readSysctls(os, pod.netnsFd, name))
  writeFiles(os, warn, pod, name, changes)
}

function writeFiles(
  os: Os,
  warn: (message: string) => void,
  { netnsFd }: PodNetns,
  name: string,
  settings: readonly Sysctl[],
): void {
  const files = settings.map(([template, value]) => [sysctlPath(template, name), value] as const)
  // Twice: memory or descriptors may be short for a moment.
  const refused = refusedFiles(os, netnsFd, files).map(({ file }) => file)
  for (const { file, errno } of refusedFiles(os, netnsFd, refused)) {
    warn(`${file[0]}: could not be set again (errno ${errno})`)
  }
}

type SysctlFile = readonly [path: string, text: string]

function refusedFiles(os: Os, netnsFd: number, files: readonly SysctlFile[]) {
  const errnos = files.length === 0 ? [] : os.netnsWriteFiles(netnsFd, files)
  return files
    .map((file, at) => ({ file, errno: errnos[at] ?? 0 }))
    .filter(({ errno }) => errno !== 0)
}
