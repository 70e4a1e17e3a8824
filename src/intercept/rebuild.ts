/**
 * A pair whose one end somebody deleted: both are gone. Made anew with the names, indexes and MACs that they
 * had, down, so that filters come first; what stood on the outer end is replayed after.
 */
import { closeSync, openSync } from 'node:fs'
import { type EndpointRecord, linksOf } from '../core/endpoint.js'
import { newVethPair, setBridgePort, setLink, type VethEnd } from '../core/netlink/link-request.js'
import type { InterceptContext } from './context.js'
import type { Enforcer } from './driver.js'
import { inPodNetns, type KeptInterfaces, readKept, withNodeNetlink } from './kept-interfaces.js'
import { type PodState, podStateOn } from './pod-state.js'
import { replayPodState } from './replay.js'
import { apply } from './rtnetlink.js'

export class NotKeptError extends Error {
  override readonly name = 'NotKeptError'
  constructor(what: string) {
    super(`nothing on disk tells what ${what} was: make the pod anew`)
  }
}

function requireKept(context: InterceptContext, record: EndpointRecord): KeptInterfaces {
  const kept = readKept(context, record)
  if (kept === null) throw new NotKeptError(record.ifName)
  return kept
}

function outerEnd({ link }: PodState, ifindex: number, mac: string): VethEnd {
  const { name, mtuOctets, txQueueFrames, txQueues, rxQueues } = link
  return { name, ifindex, mtuOctets, txQueueFrames, mac, queues: { tx: txQueues, rx: rxQueues } }
}

/** Returns what is to be done when the pair is up. */
export function rebuildVin(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
): () => void {
  const { os, warn } = context
  const links = linksOf(record)
  const state = podStateOn(requireKept(context, record).pod, links.podIfindex)
  const near = { name: links.vinName, ifindex: links.vinIfindex, mtuOctets: links.mtuOctets }
  const made = inPodNetns(context, record, (pod) => {
    const far = outerEnd(state, links.podIfindex, state.link.mac)
    const pair = newVethPair(
      { ...near, txQueueFrames: state.link.txQueueFrames, mac: null },
      far,
      pod.netnsFd,
    )
    return apply(os, enforcer.netlinkFd, [pair])
  })
  if (made === null) throw new Error(`${record.netns} no longer leads to the pod`)
  return () => void inPodNetns(context, record, (pod) => replayPodState(os, warn, pod, state))
}

/** The host veth is the primary plugin's, but it went with our end: it comes back as it was. */
export function rebuildVex(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
): () => void {
  const { os, warn } = context
  const { vexName, vexIfindex, mtuOctets, mac } = linksOf(record)
  const state = requireKept(context, record).host
  if (state === null) throw new NotKeptError(`the host end of ${record.ifName}`)
  const { link } = state
  const own = openSync('/proc/self/ns/net', 'r')
  try {
    const near = { name: vexName, ifindex: vexIfindex, mtuOctets, mac }
    const queues = { tx: link.txQueues, rx: link.rxQueues }
    const pair = newVethPair(
      { ...near, txQueueFrames: link.txQueueFrames, queues },
      outerEnd(state, link.ifindex, link.mac),
      own,
    )
    apply(os, enforcer.netlinkFd, [pair])
  } finally {
    closeSync(own)
  }
  return () =>
    withNodeNetlink(context, (node) => {
      const { ifindex, masterIfindex, name, bridgePort = [] } = link
      const joining = masterIfindex === 0 ? [] : [setLink(ifindex, { masterIfindex }, name)]
      const settings = bridgePort.length === 0 ? [] : [setBridgePort(ifindex, bridgePort)]
      apply(os, node.netlinkFd, [...joining, ...settings])
      replayPodState(os, warn, node, state)
    })
}
