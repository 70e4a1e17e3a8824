/** The devices of one namespace and what hangs on them, read at once: a dump of links, one of qdiscs. */
import { decodeFound, dumpFilters, type FoundFilter } from '../core/netlink/filter.js'
import { decodeLink, type Link } from '../core/netlink/link.js'
import { dumpLinks } from '../core/netlink/link-request.js'
import { decodeQdisc, dumpQdiscs, type Qdisc } from '../core/netlink/qdisc.js'
import type { Os } from './os.js'
import { dump } from './rtnetlink.js'

/** Answers of a device or qdisc that went meanwhile. */
const GONE = { accept: ['ENOENT', 'EINVAL', 'ENODEV'] }

export interface Devices {
  link(ifindex: number): Link | null
  qdiscs(ifindex: number): readonly Qdisc[]
  /** On the device's ingress; asked for when called. */
  filters(ifindex: number): readonly FoundFilter[]
}

const isSome = <T>(value: T | null): value is T => value !== null

export function readFilters(os: Os, netlinkFd: number, ifindex: number): FoundFilter[] {
  return dump(os, netlinkFd, dumpFilters(ifindex), GONE).map(decodeFound).filter(isSome)
}

/** All that there were. */
export interface AllDevices extends Devices {
  links(): readonly Link[]
}

export function readDevices(os: Os, netlinkFd: number): AllDevices {
  const links = dump(os, netlinkFd, dumpLinks()).map(decodeLink).filter(isSome)
  const byIndex = new Map(links.map((link) => [link.ifindex, link]))
  const qdiscs = new Map<number, Qdisc[]>()
  for (const qdisc of dump(os, netlinkFd, dumpQdiscs()).map(decodeQdisc).filter(isSome)) {
    const others = qdiscs.get(qdisc.ifindex)
    if (others === undefined) qdiscs.set(qdisc.ifindex, [qdisc])
    else others.push(qdisc)
  }
  return {
    links: () => links,
    link: (ifindex) => byIndex.get(ifindex) ?? null,
    qdiscs: (ifindex) => qdiscs.get(ifindex) ?? [],
    filters: (ifindex) => readFilters(os, netlinkFd, ifindex),
  }
}
