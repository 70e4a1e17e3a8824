/**
 * The `tc` pipe driver: u32, pedit, mirred and gact on `ingress` qdiscs, for kernels without BPF. What
 * the kernel has is read back, never remembered: the watchdog changes it too.
 */
import type { RefusedFrames } from '../../core/bpf/maps.js'
import { type EndpointPath, type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { VBR_IFINDEX, VBR_NAME, VTH_IFINDEX, VTH_NAME } from '../../core/instance.js'
import { addAction, decodeActionDump, dumpActions } from '../../core/netlink/action.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import {
  addU32Table,
  type DecodedU32Node,
  ROOT_TABLE,
  type U32Node,
  u32Handle,
} from '../../core/netlink/u32.js'
import {
  clearForeign,
  driftOfForeign,
  driftOfQdiscs,
  hasIngress,
  type IsOurs,
} from '../device-drift.js'
import { readFilters } from '../devices.js'
import type { Drift, Enforcer, PathSetting, PipeDriver, Seen, SeenShared } from '../driver.js'
import type { Os } from '../os.js'
import { apply, dump } from '../rtnetlink.js'
import { CarriedFlows } from './carried-flows.js'
import { type Device, isCarriedNode } from './carried-nodes.js'
import { CAUSE_NAMES, counted, countsByCause, refusedByEndpoint } from './causes.js'
import {
  deleteNode,
  deleteNodes,
  dumpNodes,
  EXISTS,
  GONE,
  getNode,
  isOurClassifier,
  type NodeName,
  nodesIn,
  PRIORITY,
  replaceNodes,
} from './classifier.js'
import { driftOf, findNode, isSameSelector } from './difference.js'
import { endpointRules, type InForce, isVbrFirst } from './endpoint-rules.js'
import { askedFor, askedIn, inForce, inForceIn, nodesOf } from './in-force.js'
import { isCurrentLayout, LAST_NODE, sharedNodes, TABLE_BUCKETS, VTH_NODE } from './vbr-rules.js'

/** A setPath of dpd between the watchdog's reading and writing: once more with what it asked for. */
const STALE_ATTEMPTS = 3

/** Those nodes and the classifier's hash tables, whose handles name no node. */
function isOneOf(nodes: readonly U32Node[]): IsOurs {
  const handles = new Set(nodes.map(u32Handle))
  return (found) =>
    isOurClassifier(found) && ((found.handle & 0xfff) === 0 || handles.has(found.handle >>> 0))
}

/** With what carries flows of the endpoint. */
function isOnDevice(record: EndpointRecord, device: Device, nodes: readonly U32Node[]): IsOurs {
  const isRule = isOneOf(nodes)
  return (found) =>
    isRule(found) || (isOurClassifier(found) && isCarriedNode(record, device, found))
}

/** Without records any endpoint's nodes may be there. */
function isOnVbr(records: readonly EndpointRecord[] | undefined): IsOurs {
  if (records === undefined) return isOurClassifier
  const state = inForce({ path: 'direct', failure: 'open' })
  const ofEndpoints = records.flatMap((record) => endpointRules(record, state).vbr)
  return isOneOf([...sharedNodes(), ...ofEndpoints])
}

export class TcDriver implements PipeDriver {
  readonly name = 'tc'
  readonly #os: Os
  readonly #carried: CarriedFlows

  constructor(os: Os) {
    this.#os = os
    this.#carried = new CarriedFlows(os)
  }

  ensureShared(enforcer: Enforcer): void {
    if (!this.#isSharedInstalled(enforcer)) this.#installShared(enforcer)
  }

  #installShared(enforcer: Enforcer): void {
    const fd = enforcer.netlinkFd
    const vbr = { ifindex: VBR_IFINDEX, priority: PRIORITY }
    const actions = CAUSE_NAMES.map((cause) => addAction(counted(cause)))
    const tables = Object.entries(TABLE_BUCKETS).map(([table, buckets]) =>
      addU32Table(vbr, Number(table), buckets),
    )
    apply(this.#os, fd, [replaceIngress(VTH_IFINDEX), ...replaceNodes(VTH_IFINDEX, [VTH_NODE])])
    apply(this.#os, fd, [replaceIngress(VBR_IFINDEX)])
    apply(this.#os, fd, [...actions, ...tables], { accept: EXISTS })
    apply(this.#os, fd, replaceNodes(VBR_IFINDEX, sharedNodes()))
  }

  ensure(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    const { vinIfindex, vexIfindex } = linksOf(record)
    const fd = enforcer.netlinkFd
    apply(this.#os, fd, [replaceIngress(vinIfindex), replaceIngress(vexIfindex)])
    this.#carried.releaseAll(enforcer, record)
    this.#deleteForeignSelectors(enforcer, record, inForce(setting))
    this.#apply(enforcer, record, inForce(setting))
  }

  /** Whatever changes, decided flows come up to be judged by it. */
  setPath(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    this.#carried.releaseAll(enforcer, record)
    this.#apply(enforcer, record, inForce(setting))
  }

  readPath(enforcer: Enforcer, record: EndpointRecord): EndpointPath | null {
    return this.#readInForce(enforcer, record)?.path ?? null
  }

  /** Devices first: what no longer goes up has no need to come back. */
  remove(enforcer: Enforcer, record: EndpointRecord): void {
    const { vinIfindex, vexIfindex } = linksOf(record)
    const { vbr } = endpointRules(record, inForce({ path: 'quarantine', failure: 'closed' }))
    const onVbr = vbr.map((node) => deleteNode(VBR_IFINDEX, node))
    const requests = [deleteNodes(vinIfindex), deleteNodes(vexIfindex), ...onVbr]
    apply(this.#os, enforcer.netlinkFd, requests, { accept: GONE })
  }

  check(enforcer: Enforcer, record: EndpointRecord, { devices, setting }: Seen): Drift[] {
    const links = linksOf(record)
    const { vinIfindex, vinName, vexIfindex, vexName } = links
    const qdiscs = [
      ...driftOfQdiscs(devices, { ifindex: vinIfindex, name: vinName }),
      ...driftOfQdiscs(devices, { ifindex: vexIfindex, name: vexName }),
    ]
    if (!hasIngress(devices, vinIfindex) || !hasIngress(devices, vexIfindex)) return qdiscs
    const [vin, vex] = [devices.filters(links.vinIfindex), devices.filters(links.vexIfindex)]
    const nodes = { vin: nodesOf(vin), vex: nodesOf(vex) }
    const asked = askedIn(nodes.vin)
    if (asked === null) {
      const subject = `filters on ${links.vinName}`
      return [...qdiscs, { what: 'filter', subject, want: 'installed', have: 'missing' }]
    }
    const { isStale } = inForceIn(record, nodes) ?? { isStale: false }
    const want = endpointRules(record, { ...asked, ...askedFor(setting), isStale })
    return [
      ...qdiscs,
      ...driftOf(links.vinName, want.vin, nodes.vin),
      ...driftOf(links.vexName, want.vex, nodes.vex),
      ...driftOf(VBR_NAME, want.vbr, this.#get(enforcer, VBR_IFINDEX, want.vbr)),
      ...driftOfForeign(vin, links.vinName, isOnDevice(record, 'vin', want.vin)),
      ...driftOfForeign(vex, links.vexName, isOnDevice(record, 'vex', want.vex)),
    ]
  }

  /** Everything of it is a filter. */
  changedEntries(): readonly number[] {
    return []
  }

  repair(enforcer: Enforcer, record: EndpointRecord, setting: PathSetting): void {
    const { vin, vex } = endpointRules(record, inForce(setting))
    const { vinIfindex, vexIfindex } = linksOf(record)
    this.#clearForeign(enforcer, vinIfindex, isOnDevice(record, 'vin', vin))
    this.#clearForeign(enforcer, vexIfindex, isOnDevice(record, 'vex', vex))
    this.ensure(enforcer, record, setting)
  }

  checkShared(_enforcer: Enforcer, { devices, records }: SeenShared): Drift[] {
    const [vbr, vth] = [devices.filters(VBR_IFINDEX), devices.filters(VTH_IFINDEX)]
    return [
      ...driftOfQdiscs(devices, { ifindex: VBR_IFINDEX, name: VBR_NAME }),
      ...driftOfQdiscs(devices, { ifindex: VTH_IFINDEX, name: VTH_NAME }),
      ...(hasIngress(devices, VBR_IFINDEX) ? driftOf(VBR_NAME, sharedNodes(), nodesOf(vbr)) : []),
      ...(hasIngress(devices, VTH_IFINDEX) ? driftOf(VTH_NAME, [VTH_NODE], nodesOf(vth)) : []),
      ...driftOfForeign(vth, VTH_NAME, isOneOf([VTH_NODE])),
      ...driftOfForeign(vbr, VBR_NAME, isOnVbr(records)),
    ]
  }

  repairShared(enforcer: Enforcer, records: readonly EndpointRecord[]): void {
    this.#clearForeign(enforcer, VTH_IFINDEX, isOneOf([VTH_NODE]))
    this.#clearForeign(enforcer, VBR_IFINDEX, isOnVbr(records))
    this.#installShared(enforcer)
  }

  /** Which of its nodes is which flow's is known to dpd alone (dpd/big-flows.ts). */
  carried(): null {
    return null
  }

  counters(enforcer: Enforcer): Readonly<Record<string, number>> {
    return countsByCause(this.#gacts(enforcer))
  }

  /** One dump, however many endpoints. */
  refused(enforcer: Enforcer): ReadonlyMap<number, RefusedFrames> {
    return refusedByEndpoint(this.#gacts(enforcer))
  }

  /**
   * For the watchdog: an inline endpoint takes its failure setting (`isStale`) or is judged again. What
   * was asked for stays as it is. True = something changed.
   */
  setStale(enforcer: Enforcer, record: EndpointRecord, isStale: boolean): boolean {
    let hasChanged = false
    for (let attempt = 0; attempt < STALE_ATTEMPTS; attempt++) {
      const asked = askedIn(dumpNodes(this.#os, enforcer, linksOf(record).vinIfindex))
      if (asked === null) return hasChanged
      const want = asked.path === 'inline' && isStale
      if (this.#readInForce(enforcer, record)?.isStale === want) return hasChanged
      this.#apply(enforcer, record, { ...asked, isStale: want })
      hasChanged = true
    }
    return hasChanged
  }

  /** Holds nothing: sockets are the caller's. */
  close(): void {}

  #apply(enforcer: Enforcer, record: EndpointRecord, state: InForce): void {
    const rules = endpointRules(record, state)
    const devices = [
      ...replaceNodes(linksOf(record).vinIfindex, rules.vin),
      ...replaceNodes(linksOf(record).vexIfindex, rules.vex),
    ]
    const vbr = replaceNodes(VBR_IFINDEX, rules.vbr)
    const requests = isVbrFirst(state) ? [...vbr, ...devices] : [...devices, ...vbr]
    apply(this.#os, enforcer.netlinkFd, requests)
  }

  /** A node's matches can't be changed in place: those of another MAC go first. */
  #deleteForeignSelectors(enforcer: Enforcer, record: EndpointRecord, state: InForce): void {
    const rules = endpointRules(record, state)
    const { vinIfindex, vexIfindex } = linksOf(record)
    for (const [ifindex, want] of [
      [vinIfindex, rules.vin],
      [vexIfindex, rules.vex],
    ] as const) {
      const have = dumpNodes(this.#os, enforcer, ifindex)
      const isForeign = (node: U32Node) => {
        const found = findNode(have, node)
        return found !== null && !isSameSelector(node, found)
      }
      if (want.some(isForeign)) apply(this.#os, enforcer.netlinkFd, [deleteNodes(ifindex)])
    }
  }

  #readInForce(enforcer: Enforcer, record: EndpointRecord): InForce | null {
    const { vinIfindex, vexIfindex } = linksOf(record)
    const vin = dumpNodes(this.#os, enforcer, vinIfindex)
    return inForceIn(record, { vin, vex: dumpNodes(this.#os, enforcer, vexIfindex) })
  }

  #clearForeign(enforcer: Enforcer, ifindex: number, isOurs: IsOurs): void {
    const filters = readFilters(this.#os, enforcer.netlinkFd, ifindex)
    clearForeign(this.#os, enforcer.netlinkFd, filters, isOurs, isOurClassifier)
  }

  #isSharedInstalled(enforcer: Enforcer): boolean {
    const [last] = this.#get(enforcer, VBR_IFINDEX, [
      { table: ROOT_TABLE, bucket: 0, node: LAST_NODE },
    ])
    const [vth] = this.#get(enforcer, VTH_IFINDEX, [VTH_NODE])
    return vth !== undefined && isCurrentLayout(last?.actions[0]?.action?.cookie)
  }

  #get(enforcer: Enforcer, ifindex: number, nodes: readonly NodeName[]): DecodedU32Node[] {
    const requests = nodes.map((node) => getNode(ifindex, node))
    return nodesIn(apply(this.#os, enforcer.netlinkFd, requests, { accept: GONE }))
  }

  #gacts(enforcer: Enforcer) {
    const messages = dump(this.#os, enforcer.netlinkFd, dumpActions('gact'), { accept: GONE })
    return messages
      .flatMap(decodeActionDump)
      .flatMap(({ action, packets }) =>
        action?.kind === 'gact' ? [{ gact: action, packets }] : [],
      )
  }
}
