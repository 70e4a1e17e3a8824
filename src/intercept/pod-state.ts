/** What a pod's interface is beyond its link: read before the swap, replayed after it, in both directions. */
import { readdirSync } from 'node:fs'
import * as z from 'zod/mini'
import { formatAddress } from '../core/address.js'
import {
  addAltNames,
  decodeLink,
  getLinkByName,
  IFF_ALLMULTI,
  IFF_PROMISC,
  IN6_ADDR_GEN_MODE_NONE,
  type Link,
  setLink,
  setLinkFlags,
} from '../core/netlink/link.js'
import {
  AF_INET,
  AF_INET6,
  addAddress,
  addNeighbour,
  addRoute,
  addressOf,
  addressParts,
  type Dumped,
  deleteRoute,
  dumpAddresses,
  dumpNeighbours,
  dumpRoutes,
  hasGateway,
  permanentNeighbourOf,
  routeKey,
  routeOf,
} from '../core/netlink/verbatim.js'
import type { Os } from './os.js'
import { apply, dump } from './tc/rtnetlink.js'

export interface PodState {
  readonly link: Link
  readonly addresses: readonly Dumped[]
  readonly routes: readonly Dumped[]
  readonly neighbours: readonly Dumped[]
  /** [path below /proc/sys/net with %s for the interface, value]. */
  readonly sysctls: readonly (readonly [string, string])[]
}

export interface PodNetns {
  readonly netnsFd: number
  readonly netlinkFd: number
}

/**
 * Per-interface settings; reading stable_secret is EIO while unset, mc_forwarding can't be written, and
 * addr_gen_mode is set over netlink, where it makes no address by itself.
 */
const SYSCTL_DIRS = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh'] as const
const SYSCTLS_SKIPPED = ['mc_forwarding', 'stable_secret', 'addr_gen_mode']

/** The set of names is the kernel's, the same in every namespace. */
function sysctlNames(dir: string): string[] {
  try {
    const names = readdirSync(`/proc/sys/net/${dir}/default`)
    return names.filter((name) => !SYSCTLS_SKIPPED.includes(name))
  } catch {
    return []
  }
}

const sysctlPath = (template: string, ifName: string): string =>
  `/proc/sys/net/${template.replace('%s', ifName)}`

function readSysctls(os: Os, netnsFd: number, ifName: string): (readonly [string, string])[] {
  const templates = SYSCTL_DIRS.flatMap((dir) =>
    sysctlNames(dir).map((name) => `${dir}/%s/${name}`),
  )
  const values = os.netnsReadFiles(
    netnsFd,
    templates.map((template) => sysctlPath(template, ifName)),
  )
  return templates.flatMap((template, at) => {
    const value = values[at]
    return value === null || value === undefined ? [] : [[template, value.trim()] as const]
  })
}

/** null = no such interface. */
export function readLink(os: Os, netlinkFd: number, name: string): Link | null {
  const messages = apply(os, netlinkFd, [getLinkByName(name)], { accept: ['ENODEV'] })
  return messages.map(decodeLink).find((link) => link !== null) ?? null
}

/** A held view of kernel memory would change under us: the parts are copied. */
function kept(dumped: Dumped | null): Dumped[] {
  if (dumped === null) return []
  const attributes = dumped.attributes.map((a) => ({ ...a, octets: a.octets.slice() }))
  return [{ header: dumped.header.slice(), attributes }]
}

function readRoutes(os: Os, netlinkFd: number, ifindex: number): Dumped[] {
  return ([AF_INET, AF_INET6] as const)
    .flatMap((family) => dump(os, netlinkFd, dumpRoutes(family)))
    .flatMap((message) => kept(routeOf(message, ifindex)))
}

export function readPodState(os: Os, pod: PodNetns, link: Link): PodState {
  const { netnsFd, netlinkFd } = pod
  const { ifindex, name } = link
  return {
    link,
    addresses: dump(os, netlinkFd, dumpAddresses()).flatMap((m) => kept(addressOf(m, ifindex))),
    routes: readRoutes(os, netlinkFd, ifindex),
    neighbours: dump(os, netlinkFd, dumpNeighbours()).flatMap((m) =>
      kept(permanentNeighbourOf(m, ifindex)),
    ),
    sysctls: readSysctls(os, netnsFd, name),
  }
}

/** `10.0.0.2/24`, link-local ones left out: they name nobody. */
export function addressTexts(state: PodState): string[] {
  return state.addresses.flatMap((address) => {
    const { octets, prefixLength } = addressParts(address)
    const text = `${formatAddress(octets)}/${prefixLength}`
    return text.startsWith('fe80:') ? [] : [text]
  })
}

/**
 * Makes the interface of `state.link`'s name what it was. The order is the kernel's: routes need a link
 * that is up, link-local addresses are made when it goes up unless forbidden, gateways need link routes.
 */
export function replayPodState(os: Os, pod: PodNetns, state: PodState): void {
  const { netlinkFd } = pod
  const { link } = state
  const { ifindex } = link
  if (link.addrGenMode !== null) {
    const change = { addrGenMode: IN6_ADDR_GEN_MODE_NONE }
    apply(os, netlinkFd, [setLink(ifindex, change, link.name)])
  }
  writeSysctls(os, pod, state)
  apply(os, netlinkFd, [
    setLink(ifindex, { up: true, alias: link.alias, ...gsoOf(link) }, link.name),
    ...state.addresses.map(addAddress),
  ])
  replayRoutes(os, netlinkFd, state)
  apply(os, netlinkFd, [
    ...state.neighbours.map(addNeighbour),
    setLinkFlags(ifindex, link.flags & (IFF_PROMISC | IFF_ALLMULTI)),
  ])
  if (link.addrGenMode !== null) {
    apply(os, netlinkFd, [setLink(ifindex, { addrGenMode: link.addrGenMode }, link.name)])
  }
  if (link.altNames.length > 0) {
    apply(os, netlinkFd, [addAltNames(ifindex, link.altNames)], { accept: ['EEXIST'] })
  }
}

function gsoOf(link: Link): { gsoMaxOctets?: number; gsoMaxSegments?: number } {
  return {
    ...(link.gsoMaxOctets === null ? {} : { gsoMaxOctets: link.gsoMaxOctets }),
    ...(link.gsoMaxSegments === null ? {} : { gsoMaxSegments: link.gsoMaxSegments }),
  }
}

function writeSysctls(os: Os, pod: PodNetns, state: PodState): void {
  const { name } = state.link
  const present = new Map(readSysctls(os, pod.netnsFd, name))
  const differing = state.sysctls.filter(([template, value]) => present.get(template) !== value)
  // disable_ipv6 first: it decides whether the rest of ipv6/conf means anything.
  const ordered = [...differing].sort(
    ([a], [b]) => Number(b.endsWith('/disable_ipv6')) - Number(a.endsWith('/disable_ipv6')),
  )
  const files = ordered.map(([template, value]) => [sysctlPath(template, name), value] as const)
  // A setting that the kernel refuses on a new device was never the operator's to make.
  if (files.length > 0) os.netnsWriteFiles(pod.netnsFd, files)
}

/** The kernel makes routes of its own with each address: what wasn't there goes, what is missing comes. */
function replayRoutes(os: Os, netlinkFd: number, state: PodState): void {
  const wanted = new Set(state.routes.map(routeKey))
  const present = readRoutes(os, netlinkFd, state.link.ifindex)
  const have = new Set(present.map(routeKey))
  const surplus = present.filter((route) => !wanted.has(routeKey(route)))
  const missing = state.routes.filter((route) => !have.has(routeKey(route)))
  apply(os, netlinkFd, surplus.map(deleteRoute), { accept: ['ESRCH', 'ENOENT'] })
  const near = missing.filter((route) => !hasGateway(route))
  const far = missing.filter(hasGateway)
  apply(os, netlinkFd, [...near, ...far].map(addRoute), { accept: ['EEXIST'] })
}

// ── as text, for the journal ────────────────────────────────────────────────

const octets = z.pipe(
  z.string(),
  z.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
)
const dumpedSchema = z.object({
  header: octets,
  attributes: z.array(z.object({ type: z.int(), flags: z.int(), octets })),
})
const linkSchema = z.object({
  ifindex: z.int(),
  flags: z.int(),
  name: z.string(),
  mac: z.string(),
  mtuOctets: z.int(),
  txQueueFrames: z.int(),
  peerIfindex: z.int(),
  kind: z.string(),
  addrGenMode: z.nullable(z.int()),
  alias: z.string(),
  altNames: z.array(z.string()),
  gsoMaxOctets: z.nullable(z.int()),
  gsoMaxSegments: z.nullable(z.int()),
})
export const podStateSchema = z.object({
  link: linkSchema,
  addresses: z.array(dumpedSchema),
  routes: z.array(dumpedSchema),
  neighbours: z.array(dumpedSchema),
  sysctls: z.array(z.tuple([z.string(), z.string()])),
})

/** JSON with octets as base64, the input of `podStateSchema`. */
export function podStateJson(state: PodState): unknown {
  return JSON.parse(
    JSON.stringify(state, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ),
  )
}
