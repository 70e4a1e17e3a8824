/**
 * A device of ours as it should be: everything on vin, vex, vbr-neuv and vth-neuv is ours, so that a qdisc,
 * a filter or a master of anybody else's is drift too.
 */
import { deleteFound, type FoundFilter } from '../core/netlink/filter.js'
import { IFF_UP, type Link } from '../core/netlink/link.js'
import { type LinkChange, setLink } from '../core/netlink/link-request.js'
import type { Request } from '../core/netlink/message.js'
import { deleteQdisc, type Qdisc, TC_H_INGRESS, TC_H_ROOT } from '../core/netlink/qdisc.js'
import type { Devices } from './devices.js'
import type { Drift } from './driver.js'
import type { Os } from './os.js'
import { apply } from './rtnetlink.js'

const GONE = { accept: ['ENOENT', 'EINVAL', 'ENODEV'] }
/** What a veth has without anybody's doing (IFF_NO_QUEUE). */
const DEFAULT_ROOT = 'noqueue'

export interface WantedLink {
  readonly ifindex: number
  readonly name: string
  readonly mtuOctets: number
  /** null = any. */
  readonly mac: string | null
  /** null = any. */
  readonly alias: string | null
  /** null = any. */
  readonly gsoMaxOctets: number | null
}

/** What has to change for the link to be the wanted one, but for its being up. */
export function linkChange(want: WantedLink, have: Link): LinkChange {
  const { name, mtuOctets, mac, alias, gsoMaxOctets } = want
  return {
    ...(name === have.name ? {} : { name }),
    ...(mtuOctets === have.mtuOctets ? {} : { mtuOctets }),
    ...(mac === null || mac === have.mac ? {} : { mac }),
    ...(alias === null || alias === have.alias ? {} : { alias }),
    ...(gsoMaxOctets === null || gsoMaxOctets === have.gsoMaxOctets ? {} : { gsoMaxOctets }),
    ...(have.masterIfindex === 0 ? {} : { masterIfindex: 0 }),
  }
}

export function isUp(link: Link): boolean {
  return (link.flags & IFF_UP) !== 0
}

export function driftOfLink(devices: Devices, want: WantedLink): Drift[] {
  const what = 'link'
  const have = devices.link(want.ifindex)
  if (have === null) return [{ what, subject: `link ${want.name}`, want: 'there', have: 'none' }]
  const changes = Object.entries(linkChange(want, have)).map(([key, value]): Drift => {
    const found = have[key as keyof Link]
    return { what, subject: `${key} of ${want.name}`, want: `${value}`, have: `${found}` }
  })
  if (isUp(have)) return changes
  return [...changes, { what, subject: `link ${want.name}`, want: 'up', have: 'down' }]
}

/** A name can't change while the device is up before 6.2; the caller takes it up again. */
export function repairLink(os: Os, netlinkFd: number, devices: Devices, want: WantedLink): void {
  const have = devices.link(want.ifindex)
  if (have === null) return
  const { name, ...rest } = linkChange(want, have)
  const requests: Request[] = []
  if (name !== undefined) {
    requests.push(setLink(want.ifindex, { up: false }, have.name))
    requests.push(setLink(want.ifindex, { name }, have.name))
  }
  if (Object.keys(rest).length > 0) requests.push(setLink(want.ifindex, rest, want.name))
  apply(os, netlinkFd, requests)
}

/** By where it hangs; classes of a foreign one bring qdiscs of their own, which go with it. */
const OURS: ReadonlyMap<number, string> = new Map([
  [TC_H_ROOT, DEFAULT_ROOT],
  [TC_H_INGRESS, 'ingress'],
])

function foreignQdiscs(devices: Devices, ifindex: number): Qdisc[] {
  return devices.qdiscs(ifindex).filter(({ parent, kind }) => {
    const ours = OURS.get(parent)
    return ours !== undefined && ours !== kind
  })
}

export function hasIngress(devices: Devices, ifindex: number): boolean {
  return devices.qdiscs(ifindex).some(({ kind }) => kind === 'ingress')
}

export function driftOfQdiscs(
  devices: Devices,
  { ifindex, name }: Pick<WantedLink, 'ifindex' | 'name'>,
): Drift[] {
  if (devices.link(ifindex) === null) return []
  const top = devices.qdiscs(ifindex)
  return [...OURS].flatMap(([parent, want]): Drift[] => {
    // A kernel that does not tell the default has it.
    const none = parent === TC_H_ROOT ? want : 'none'
    const have = top.find((qdisc) => qdisc.parent === parent)?.kind ?? none
    const hook = parent === TC_H_ROOT ? 'root' : 'ingress'
    const subject = `${hook} qdisc of ${name}`
    return have === want ? [] : [{ what: 'qdisc', subject, want, have }]
  })
}

/** Before the driver puts its own there. */
export function clearQdiscs(os: Os, netlinkFd: number, devices: Devices, ifindex: number): void {
  apply(os, netlinkFd, foreignQdiscs(devices, ifindex).map(deleteQdisc), GONE)
}

/** Which of the filters found on a device are the driver's own. */
export type IsOurs = (filter: FoundFilter) => boolean

/** The classifier itself is told before its filters, with handle 0. */
const isFilter = ({ handle }: FoundFilter): boolean => handle !== 0

export function driftOfForeign(
  filters: readonly FoundFilter[],
  name: string,
  isOurFilter: IsOurs,
): Drift[] {
  return filters
    .filter((filter) => isFilter(filter) && !isOurFilter(filter))
    .map((filter) => {
      const { kind, priority, handle } = filter
      const found = `${kind} pref ${priority} handle 0x${handle.toString(16)}`
      return { what: 'filter', subject: `foreign filter on ${name}`, want: 'none', have: found }
    })
}

/** Another's classifier goes whole; beside ours in the same one only the filter does. */
export function clearForeign(
  os: Os,
  netlinkFd: number,
  filters: readonly FoundFilter[],
  isOurFilter: IsOurs,
  isOurClassifier: IsOurs,
): void {
  const foreign = filters.filter((filter) => isFilter(filter) && !isOurFilter(filter))
  const requests = foreign.map((filter) =>
    deleteFound(isOurClassifier(filter) ? filter : { ...filter, handle: 0 }),
  )
  apply(os, netlinkFd, requests, GONE)
}
