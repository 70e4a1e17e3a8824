import * as z from 'zod/mini'
import { type EndpointRecord, linksOf } from '../core/endpoint.js'
import type { Instance } from '../core/instance.js'
import type { InterceptContext } from './context.js'
import { keptPath, readState } from './endpoint-records.js'
import { linkByIndex, NETLINK_ROUTE } from './enforcer.js'
import { openPod } from './open-pod.js'
import { type PodNetns, type PodState, readPodState } from './pod-state.js'
import { octetsAsBase64, podStateSchema } from './pod-state-json.js'
import { readStateFile, writeBootFile } from './state-file.js'

const KEPT_SCHEMA = 1
const keptSchema = z.lazy(() =>
  z.object({
    schema: z.literal(KEPT_SCHEMA),
    bootId: z.string(),
    id: z.int(),
    pod: podStateSchema,
    host: z.nullable(podStateSchema),
  }),
)

export interface KeptInterfaces {
  /** eth0 as it stands behind vin. */
  readonly pod: PodState
  /** null where the kernel told no peer, or it is in no namespace of ours. */
  readonly host: PodState | null
}

/** The node's namespace is the one that plugin and dpd run in. */
export const OWN_NETNS_FD = -1

export function withNodeNetlink<T>({ os }: InterceptContext, use: (node: PodNetns) => T): T {
  const netlinkFd = os.netlinkOpen(OWN_NETNS_FD, NETLINK_ROUTE)
  try {
    return use({ netnsFd: OWN_NETNS_FD, netlinkFd })
  } finally {
    os.close(netlinkFd)
  }
}

/** null = the record's path leads to no namespace, or to another by now. */
export function inPodNetns<T>(
  context: InterceptContext,
  { netns, netnsInode }: EndpointRecord,
  use: (pod: PodNetns) => T,
): T | null {
  const pod = openPod(context, [netns], netnsInode)
  if (pod === null) return null
  try {
    return use(pod)
  } finally {
    pod.close()
  }
}

/** null = it is not there, or not vex's peer. */
export function readHostState(context: InterceptContext, record: EndpointRecord): PodState | null {
  const links = linksOf(record)
  if (links.hostIfindex === 0) return null
  return withNodeNetlink(context, (node) => {
    const link = linkByIndex(context.os, node.netlinkFd, links.hostIfindex)
    if (link === null || link.peerIfindex !== links.vexIfindex) return null
    return readPodState(context.os, node, link)
  })
}

/** True = it was not on disk like that. */
export function writeKept(
  instance: Instance,
  record: EndpointRecord,
  { pod, host }: KeptInterfaces,
): boolean {
  const { bootId, id } = record
  const json = { schema: KEPT_SCHEMA, bootId, id, pod, host }
  const path = keptPath(instance, record)
  const text = `${JSON.stringify(json, octetsAsBase64)}\n`
  if (readStateFile(path) === text) return false
  writeBootFile(path, text)
  return true
}

/** null = none that belongs to this record. */
export function readKept(
  { instance, warn }: InterceptContext,
  record: EndpointRecord,
): KeptInterfaces | null {
  const kept = readState(keptPath(instance, record), keptSchema, warn)
  return kept === null || kept.bootId !== record.bootId || kept.id !== record.id ? null : kept
}

/** At ADD: the pod is intercepted by now, and stays so whatever happens here. */
export function keepAtAdd(context: InterceptContext, record: EndpointRecord, pod: PodState): void {
  try {
    writeKept(context.instance, record, { pod, host: readHostState(context, record) })
  } catch (error) {
    context.warn(`endpoint ${record.id}: its interfaces are not kept on disk: ${String(error)}`)
  }
}

/** As both ends are now; what went a moment ago is worth more as it was. */
export function refreshKept(context: InterceptContext, record: EndpointRecord): void {
  const { os, instance } = context
  const { podIfindex, vinIfindex } = linksOf(record)
  const pod = inPodNetns(context, record, (netns) => {
    const link = linkByIndex(os, netns.netlinkFd, podIfindex)
    return link === null || link.peerIfindex !== vinIfindex ? null : readPodState(os, netns, link)
  })
  const host = readHostState(context, record)
  if (pod === null || (host === null && linksOf(record).hostIfindex !== 0)) return
  writeKept(instance, record, { pod, host })
}
