/**
 * Flows that leave the engine by u32 nodes of their own. Which there are is read from the kernel: every
 * change of an endpoint's path takes them all away (driver.ts), and another process may make it.
 */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { addFilter } from '../../core/netlink/filter.js'
import { addU32Table, type DecodedU32Node, u32Filter } from '../../core/netlink/u32.js'
import type { Enforcer } from '../driver.js'
import type { Os } from '../os.js'
import { apply } from '../rtnetlink.js'
import {
  BUCKETS,
  type CarriedFlow,
  carriedNodes,
  DEVICES,
  type Device,
  isInTables,
  isLink,
  SLOTS,
} from './carried-nodes.js'
import { deleteNode, dumpNodes, EXISTS, GONE, PRIORITY, replaceNodes } from './classifier.js'
import { inForceIn } from './in-force.js'

/** Since its nodes were made. */
export interface CarriedCounts {
  readonly packets: number
  /** Of frames, in the direction that had more. */
  readonly octets: number
}

type Nodes = Readonly<Record<Device, readonly DecodedU32Node[]>>

function ifindexOf(record: EndpointRecord, device: Device): number {
  const { vinIfindex, vexIfindex } = linksOf(record)
  return device === 'vin' ? vinIfindex : vexIfindex
}

const NOTHING: CarriedCounts = { packets: 0, octets: 0 }

export class CarriedFlows {
  readonly #os: Os

  constructor(os: Os) {
    this.#os = os
  }

  /**
   * The flow's slot; null where the endpoint's path in force is another than inline, the judge of it is
   * dead, or no slot is free.
   */
  carry(enforcer: Enforcer, record: EndpointRecord, flow: CarriedFlow): number | null {
    const have = this.#nodes(enforcer, record)
    const state = inForceIn(record, have)
    if (state?.path !== 'inline' || state.isStale) return null
    const taken = new Set([...have.vin, ...have.vex].filter(isInTables).map(({ node }) => node))
    const slot = Array.from({ length: SLOTS }, (_, at) => at + 1).find((one) => !taken.has(one))
    if (slot === undefined) return null
    try {
      for (const device of DEVICES) this.#install(enforcer, record, flow, slot, device)
    } catch (error) {
      this.release(enforcer, record, new Set([slot]))
      throw error
    }
    return slot
  }

  /** By slot; one that was taken away is missing. */
  counts(enforcer: Enforcer, record: EndpointRecord): ReadonlyMap<number, CarriedCounts> {
    const { vin, vex } = this.#nodes(enforcer, record)
    const counts = new Map<number, CarriedCounts>()
    for (const node of [...vin, ...vex].filter(isInTables)) {
      const { packets, octets } = node.actions[0] ?? NOTHING
      const other = counts.get(node.node) ?? NOTHING
      const larger = Math.max(octets, other.octets)
      counts.set(node.node, { packets: packets + other.packets, octets: larger })
    }
    return counts
  }

  /** Their frames come up again. */
  release(enforcer: Enforcer, record: EndpointRecord, slots: ReadonlySet<number>): void {
    this.#delete(enforcer, record, (node) => isInTables(node) && slots.has(node.node))
  }

  releaseAll(enforcer: Enforcer, record: EndpointRecord): void {
    this.#delete(enforcer, record, (node) => isLink(node) || isInTables(node))
  }

  /** Links first: nothing is carried any more, however many nodes are still to go. */
  #delete(
    enforcer: Enforcer,
    record: EndpointRecord,
    isGoing: (node: DecodedU32Node) => boolean,
  ): void {
    const have = this.#nodes(enforcer, record)
    const requests = DEVICES.flatMap((device) => {
      const going = have[device].filter(isGoing)
      return [...going.filter(isLink), ...going.filter(isInTables)].map((node) => {
        return { isLink: isLink(node), request: deleteNode(ifindexOf(record, device), node) }
      })
    })
    const inOrder = [...requests].sort((a, b) => Number(b.isLink) - Number(a.isLink))
    const all = inOrder.map(({ request }) => request)
    if (all.length > 0) apply(this.#os, enforcer.netlinkFd, all, { accept: GONE })
  }

  /** The node before what leads to it. */
  #install(
    enforcer: Enforcer,
    record: EndpointRecord,
    carried: CarriedFlow,
    slot: number,
    device: Device,
  ): void {
    const key = { ifindex: ifindexOf(record, device), priority: PRIORITY }
    const { table, link, flow } = carriedNodes(record, carried, slot, device)
    const fd = enforcer.netlinkFd
    apply(this.#os, fd, [addU32Table(key, table, BUCKETS)], { accept: EXISTS })
    apply(this.#os, fd, replaceNodes(key.ifindex, [flow]))
    apply(this.#os, fd, [addFilter(u32Filter(key, link))], { accept: EXISTS })
  }

  #nodes(enforcer: Enforcer, record: EndpointRecord): Nodes {
    const { vinIfindex, vexIfindex } = linksOf(record)
    return {
      vin: dumpNodes(this.#os, enforcer, vinIfindex),
      vex: dumpNodes(this.#os, enforcer, vexIfindex),
    }
  }
}
