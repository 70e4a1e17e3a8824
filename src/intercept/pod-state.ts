/** What a pod's interface is beyond its link: read before the swap, in both directions. */
import {
  addressOf,
  addressOn,
  addressText,
  dumpAddresses,
  isJoinedGroup,
} from '../core/netlink/address.js'
import { AF_INET, AF_INET6, type Dumped } from '../core/netlink/dumped.js'
import { decodeLink, type Link } from '../core/netlink/link.js'
import { getLinkByName } from '../core/netlink/link-request.js'
import {
  dumpNeighbours,
  dumpProxyNeighbours,
  lastingNeighbourOf,
  learnedNeighbourOf,
  neighbourOn,
} from '../core/netlink/neighbour.js'
import { dumpRoutes, routeOf, routeOn } from '../core/netlink/route.js'
import type { Os } from './os.js'
import { apply, dump } from './rtnetlink.js'

/** Rules by iif and oif are not here: they name the device, and the kernel binds them to the new one. */
export interface PodState {
  readonly link: Link
  readonly addresses: readonly Dumped[]
  readonly routes: readonly Dumped[]
  readonly neighbours: readonly Dumped[]
  /** Of a pod that runs: asked anew while frames wait, a lost question costs them a second. */
  readonly learned?: readonly Dumped[]
  readonly sysctls: readonly Sysctl[]
}

/** Path below /proc/sys/net with %s for the interface, and the value. */
export type Sysctl = readonly [template: string, value: string]

export interface PodNetns {
  readonly netnsFd: number
  readonly netlinkFd: number
}

/**
 * mc_forwarding can't be written; addr_gen_mode is set over netlink, where it makes no address by itself.
 * stable_secret reads as EIO while unset.
 */
const SYSCTL_DIRS = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh'] as const
const SYSCTLS_SKIPPED = ['mc_forwarding', 'addr_gen_mode']

export function sysctlPath(template: string, ifName: string): string {
  return `/proc/sys/net/${template.replace('%s', ifName)}`
}

export function readSysctls(os: Os, netnsFd: number, ifName: string): Sysctl[] {
  const paths = SYSCTL_DIRS.map((dir) => `/proc/sys/net/${dir}/${ifName}`)
  const folders = os.netnsReadFolders(netnsFd, paths)
  return SYSCTL_DIRS.flatMap((dir, at) => sysctlsIn(dir, folders[at] ?? []))
}

function sysctlsIn(dir: string, namesAndTexts: readonly string[]): Sysctl[] {
  const sysctls: Sysctl[] = []
  for (let at = 0; at + 1 < namesAndTexts.length; at += 2) {
    const name = namesAndTexts[at] ?? ''
    if (SYSCTLS_SKIPPED.includes(name)) continue
    sysctls.push([`${dir}/%s/${name}`, (namesAndTexts[at + 1] ?? '').trim()])
  }
  // So that base_reachable_time_ms is written after the coarser base_reachable_time.
  return sysctls.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** null = no such interface. */
export function readLink(os: Os, netlinkFd: number, name: string): Link | null {
  const messages = apply(os, netlinkFd, [getLinkByName(name)], { accept: ['ENODEV'] })
  return messages.map(decodeLink).find((link) => link !== null) ?? null
}

/** A view would keep the whole dump alive: the parts are copied. */
function kept(dumped: Dumped | null): Dumped[] {
  if (dumped === null) return []
  const attributes = dumped.attributes.map((a) => ({ ...a, octets: a.octets.slice() }))
  return [{ header: dumped.header.slice(), attributes }]
}

export function readRoutes(os: Os, netlinkFd: number, ifindex: number): Dumped[] {
  return ([AF_INET, AF_INET6] as const)
    .flatMap((family) => dump(os, netlinkFd, dumpRoutes(family)))
    .flatMap((message) => kept(routeOf(message, ifindex)))
}

export function readAddresses(os: Os, netlinkFd: number, ifindex: number): Dumped[] {
  return dump(os, netlinkFd, dumpAddresses()).flatMap((m) => kept(addressOf(m, ifindex)))
}

export function readPodState(os: Os, pod: PodNetns, link: Link): PodState {
  const { netnsFd, netlinkFd } = pod
  const { ifindex, name } = link
  return {
    link,
    addresses: readAddresses(os, netlinkFd, ifindex),
    routes: readRoutes(os, netlinkFd, ifindex),
    neighbours: [dumpNeighbours(), dumpProxyNeighbours()]
      .flatMap((request) => dump(os, netlinkFd, request))
      .flatMap((m) => kept(lastingNeighbourOf(m, ifindex))),
    sysctls: readSysctls(os, netnsFd, name),
  }
}

/** Of a pod that runs. */
export function readRunningState(os: Os, pod: PodNetns, link: Link): PodState {
  const learned = dump(os, pod.netlinkFd, dumpNeighbours()).flatMap((message) =>
    kept(learnedNeighbourOf(message, link.ifindex)),
  )
  return { ...readPodState(os, pod, link), learned }
}

/** The same state, for an interface of another index. */
export function podStateOn(state: PodState, ifindex: number): PodState {
  const from = state.link.ifindex
  if (from === ifindex) return state
  return {
    ...state,
    link: { ...state.link, ifindex },
    addresses: state.addresses.map((address) => addressOn(address, ifindex)),
    routes: state.routes.map((route) => routeOn(route, from, ifindex)),
    neighbours: state.neighbours.map((neighbour) => neighbourOn(neighbour, ifindex)),
    ...(state.learned === undefined
      ? {}
      : { learned: state.learned.map((neighbour) => neighbourOn(neighbour, ifindex)) }),
  }
}

/** `10.0.0.2/24`; IPv6 link-local ones apart, none of loopback, no groups: they name nobody. */
export function addressTexts(state: PodState): {
  readonly addresses: string[]
  readonly linkLocals: string[]
} {
  const all = state.addresses.filter((a) => !isJoinedGroup(a)).map(addressText)
  const isLinkLocal = (text: string): boolean => text.startsWith('fe80:')
  const isLoopback = (text: string): boolean => text.startsWith('127.') || text === '::1/128'
  return {
    addresses: all.filter((text) => !isLinkLocal(text) && !isLoopback(text)),
    linkLocals: all.filter(isLinkLocal),
  }
}
