/**
 * The hairpin's half in the pod's namespace: a program on each hook of eth0, one on vw0's ingress. eth0 is
 * the pod's own: what else hangs on it stays, and has its turn after ours. Before 6.6 its hooks need a clsact.
 */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import type { Instance } from '../../core/instance.js'
import { type BpfFilter, bpfFilter, decodeBpfFilter } from '../../core/netlink/cls-bpf.js'
import {
  CLSACT_EGRESS_PARENT,
  CLSACT_INGRESS_PARENT,
  decodeFilter,
  decodeFound,
  deleteFilter,
  dumpFilters,
  type FilterKey,
  type FoundFilter,
  getFilter,
  replaceFilter,
} from '../../core/netlink/filter.js'
import type { Request } from '../../core/netlink/message.js'
import {
  addClsact,
  decodeQdisc,
  deleteClsact,
  dumpQdiscs,
  replaceIngress,
  TC_H_INGRESS,
} from '../../core/netlink/qdisc.js'
import type { BpfDriver } from '../bpf/driver.js'
import type { ProgramName } from '../bpf/loader.js'
import type { Drift } from '../driver.js'
import type { Os } from '../os.js'
import { apply, dump } from '../rtnetlink.js'
import { driftOfTcx, ensureTcx, hasTcx, removeTcx } from './tcx-hooks.js'

/** First of all: a filter before ours would see frames that nobody has judged. */
const PRIORITY = 1
const HANDLE = 1
const GONE = { accept: ['ENOENT', 'EINVAL', 'ENODEV'] }
/** In the filters' names: the clsact under them is ours too, and goes when they go. */
const OWN_CLSACT = ' on a clsact of ours'

const ETH0_HOOKS = [
  [CLSACT_EGRESS_PARENT, 'eth0_egress', 'egress'],
  [CLSACT_INGRESS_PARENT, 'eth0_ingress', 'ingress'],
] as const

/** A socket in the pod's namespace, and whose filters are meant. */
export interface PodHalf {
  readonly os: Os
  readonly instance: Instance
  readonly netnsFd: number
  readonly netlinkFd: number
}

const ownPrefix = ({ name }: Instance): string => `${name} `

function eth0Key(ifindex: number, parent: number): FilterKey {
  return { ifindex, parent, priority: PRIORITY, handle: HANDLE }
}

/** What hangs on both hooks, other classifiers' filters too; none where there is no clsact. */
function filtersOn({ os, netlinkFd }: PodHalf, ifindex: number): FoundFilter[] {
  return ETH0_HOOKS.flatMap(([parent]) =>
    dump(os, netlinkFd, dumpFilters(ifindex, parent), GONE).flatMap((message) => {
      const found = decodeFound(message)
      return found === null || found.handle === 0 ? [] : [found]
    }),
  )
}

function ownName(instance: Instance, filter: FoundFilter): string | null {
  const name = decodeBpfFilter(filter)?.name
  return name?.startsWith(ownPrefix(instance)) === true ? name : null
}

function ingressKind({ os, netlinkFd }: PodHalf, ifindex: number): string | null {
  const qdiscs = dump(os, netlinkFd, dumpQdiscs()).map(decodeQdisc)
  const found = qdiscs.find((q) => q?.ifindex === ifindex && q.parent === TC_H_INGRESS)
  return found?.kind ?? null
}

/** Why our filters can't stand on that interface; null = they can. */
export function hookProblem(half: PodHalf, ifindex: number): string | null {
  if (hasTcx({ ...half, ifindex })) return null
  const kind = ingressKind(half, ifindex)
  if (kind !== null && kind !== 'clsact')
    return `it has an ${kind} qdisc, beside which no clsact goes`
  const first = filtersOn(half, ifindex).find(
    (filter) => filter.priority <= PRIORITY && ownName(half.instance, filter) === null,
  )
  return first === undefined ? null : `a ${first.kind} filter of somebody else is first on it`
}

/** vw0's before eth0's: nothing is sent to where nobody takes it on. */
export function ensureVw0Filter(half: PodHalf, driver: BpfDriver, record: EndpointRecord): void {
  const { vinIfindex } = linksOf(record)
  const { name, fd } = driver.program('vw0_ingress')
  const key = { ifindex: vinIfindex, priority: PRIORITY, handle: HANDLE }
  const filter = bpfFilter(key, fd, ownPrefix(half.instance) + name, record.id)
  apply(half.os, half.netlinkFd, [replaceIngress(vinIfindex), replaceFilter(filter)])
}

/** Where a clsact of ours stands already (a kernel or a version before tcx), it stays. */
export function ensureEth0Hooks(half: PodHalf, driver: BpfDriver, record: EndpointRecord): void {
  const { podIfindex } = linksOf(record)
  const eth0 = { ...half, ifindex: podIfindex }
  if (hasTcx(eth0) && !hasOwnFilters(half, podIfindex)) ensureTcx(eth0, driver, record.id)
  else ensureEth0Filters(half, driver, record)
}

export function removeEth0Hooks(half: PodHalf, ifindex: number): void {
  removeTcx({ ...half, ifindex })
  removeEth0Filters(half, ifindex)
}

function hasOwnFilters(half: PodHalf, ifindex: number): boolean {
  if (ingressKind(half, ifindex) !== 'clsact') return false
  return filtersOn(half, ifindex).some((filter) => ownName(half.instance, filter) !== null)
}

/** In one sendmsg: a process that dies here has left both filters with their clsact, or nothing. */
function ensureEth0Filters(half: PodHalf, driver: BpfDriver, record: EndpointRecord): void {
  const { os, instance, netlinkFd } = half
  const { podIfindex } = linksOf(record)
  const hasClsact = ingressKind(half, podIfindex) !== null
  const names = filtersOn(half, podIfindex).map((filter) => ownName(instance, filter))
  const isOurs = !hasClsact || names.some((name) => name?.endsWith(OWN_CLSACT) === true)
  const suffix = isOurs ? OWN_CLSACT : ''
  const filters = ETH0_HOOKS.map(([parent, program]) => {
    const { name, fd } = driver.program(program)
    const text = ownPrefix(instance) + name + suffix
    return replaceFilter(bpfFilter(eth0Key(podIfindex, parent), fd, text, record.id))
  })
  apply(os, netlinkFd, [...(hasClsact ? [] : [addClsact(podIfindex)]), ...filters])
}

/** Of one interface: ours go, and the clsact where it is ours and nobody else has come to use it. */
function removeEth0Filters(half: PodHalf, ifindex: number): void {
  const { os, instance, netlinkFd } = half
  const filters = filtersOn(half, ifindex)
  const names = filters.flatMap((filter) => ownName(instance, filter) ?? [])
  if (names.length === 0) return
  const isLast = names.length === filters.length
  const isOurs = names.some((name) => name.endsWith(OWN_CLSACT))
  const requests: Request[] = ETH0_HOOKS.map(([parent]) =>
    deleteFilter(eth0Key(ifindex, parent), 'bpf'),
  )
  apply(os, netlinkFd, [...requests, ...(isLast && isOurs ? [deleteClsact(ifindex)] : [])], GONE)
}

interface Place {
  readonly request: Request
  readonly program: ProgramName
  readonly subject: string
}

function placesOf(record: EndpointRecord, isTcx: boolean): Place[] {
  const { podIfindex, vinIfindex } = linksOf(record)
  const key = { ifindex: vinIfindex, priority: PRIORITY, handle: HANDLE }
  const subject = `filter on vw0 of ${record.ifName}`
  const vw0: Place = { request: getFilter(key, 'bpf'), program: 'vw0_ingress', subject }
  const eth0 = ETH0_HOOKS.map(([parent, program, hook]) => ({
    ...{ request: getFilter(eth0Key(podIfindex, parent), 'bpf'), program },
    subject: `${hook} filter on ${record.ifName}`,
  }))
  return isTcx ? [vw0] : [vw0, ...eth0]
}

/** Asked for every endpoint at every pass. */
export function driftOfPodFilters(
  half: PodHalf,
  driver: BpfDriver,
  record: EndpointRecord,
): Drift[] {
  const eth0 = { ...half, ifindex: linksOf(record).podIfindex }
  const isTcx = hasTcx(eth0) && !hasOwnFilters(half, eth0.ifindex)
  const places = placesOf(record, isTcx)
  const requests = places.map(({ request }) => request)
  const found = apply(half.os, half.netlinkFd, requests, GONE).flatMap((message): BpfFilter[] => {
    const filter = decodeFilter(message)
    const bpf = filter === null ? null : decodeBpfFilter(filter)
    return bpf === null ? [] : [bpf]
  })
  const hooks = isTcx ? driftOfTcx(eth0, driver, record.id, record.ifName) : []
  const filters = places.flatMap(({ program, subject }): Drift[] => {
    const wanted = driver.program(program)
    const name = ownPrefix(half.instance) + wanted.name
    const text = `${wanted.name} (program ${wanted.programId}, class ${record.id})`
    const same = found.some(
      (f) =>
        (f.name === name || f.name === name + OWN_CLSACT) &&
        f.isDirectAction &&
        f.programId === wanted.programId &&
        f.classid === record.id,
    )
    return same ? [] : [{ what: 'filter', subject, want: text, have: 'none, or another' }]
  })
  return [...filters, ...hooks]
}
