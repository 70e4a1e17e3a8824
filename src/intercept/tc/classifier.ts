/** The one u32 classifier of each of our devices, as requests and as what the kernel has. */
import {
  decodeFilter,
  deleteFilter,
  dumpFilters,
  type FoundFilter,
  getFilter,
  replaceFilter,
} from '../../core/netlink/filter.js'
import type { Message, Request } from '../../core/netlink/message.js'
import {
  type DecodedU32Node,
  decodeU32Node,
  type U32Node,
  u32Filter,
  u32Handle,
} from '../../core/netlink/u32.js'
import type { Enforcer } from '../driver.js'
import type { Os } from '../os.js'
import { dump } from '../rtnetlink.js'

export const PRIORITY = 1
/** Answers of a device, qdisc or filter that is gone: `remove` of the absent succeeds. */
export const GONE = ['ENOENT', 'EINVAL', 'ENODEV'] as const
export const EXISTS = ['EEXIST'] as const

export type NodeName = Pick<U32Node, 'table' | 'bucket' | 'node'>

export function replaceNodes(ifindex: number, nodes: readonly U32Node[]): Request[] {
  return nodes.map((node) => replaceFilter(u32Filter({ ifindex, priority: PRIORITY }, node)))
}

export function getNode(ifindex: number, node: NodeName): Request {
  return getFilter({ ifindex, priority: PRIORITY, handle: u32Handle(node) }, 'u32')
}

export function deleteNode(ifindex: number, node: NodeName): Request {
  return deleteFilter({ ifindex, priority: PRIORITY, handle: u32Handle(node) }, 'u32')
}

/** The whole classifier with its tables. */
export function deleteNodes(ifindex: number): Request {
  return deleteFilter({ ifindex, priority: PRIORITY, handle: 0 }, 'u32')
}

export function nodesIn(messages: readonly Message[]): DecodedU32Node[] {
  return messages.flatMap((message) => {
    const filter = decodeFilter(message)
    const node = filter === null ? null : decodeU32Node(filter)
    return node === null ? [] : [node]
  })
}

export function dumpNodes(os: Os, { netlinkFd }: Enforcer, ifindex: number): DecodedU32Node[] {
  return nodesIn(dump(os, netlinkFd, dumpFilters(ifindex), { accept: GONE }))
}

export function isOurClassifier({ kind, priority, chain }: FoundFilter): boolean {
  return kind === 'u32' && priority === PRIORITY && chain === 0
}
