/**
 * The way back: from wherever a swap stands to the pod's own interface in its place. Used to undo a
 * failed ADD, for DEL while the pod lives, and for journals of processes that died.
 */
import { type AttachmentKey, type EndpointRecord, linksOf } from '../core/endpoint.js'
import { decodeLink, type Link } from '../core/netlink/link.js'
import { deleteLink, getLinkByName, setLink } from '../core/netlink/link-request.js'
import type { InterceptContext } from './context.js'
import type { Enforcer } from './driver.js'
import { withDriverOf } from './drivers.js'
import { keyLockPath, readRecord, removeRecord } from './endpoint-records.js'
import { closeEnforcer, openEnforcer } from './enforcer.js'
import { removeEth0Hooks } from './hairpin/pod-filters.js'
import { releaseHairpin } from './hairpin/release.js'
import { type JournalEntry, readJournal, removeJournal, writeJournal } from './journal.js'
import { vexName, vinName } from './link-names.js'
import { withDemandedLock } from './lock.js'
import { releaseRules } from './nfqueue/ruled-netns.js'
import { openPod } from './open-pod.js'
import { type PodNetns, type PodState, readLink, readRunningState } from './pod-state.js'
import { forgetReleased } from './released.js'
import { leaveGroups, replayPodState } from './replay.js'
import { apply } from './rtnetlink.js'

const GONE = { accept: ['ENODEV', 'ENOENT'] }

interface PairNames {
  readonly vin: string
  readonly vex: string
}

const namesOf = (key: AttachmentKey): PairNames => ({ vin: vinName(key), vex: vexName(key) })

function linkByName(context: InterceptContext, enforcer: Enforcer, name: string): Link | null {
  return linksByName(context, enforcer, [name])[0] ?? null
}

/** In the order asked for. */
function linksByName(
  context: InterceptContext,
  enforcer: Enforcer,
  names: readonly string[],
): (Link | null)[] {
  const messages = apply(context.os, enforcer.netlinkFd, names.map(getLinkByName), GONE)
  const links = messages.map(decodeLink)
  return names.map((name) => links.find((link) => link?.name === name) ?? null)
}

/**
 * vin away (and the pod's end with it), vex back under its old name and index, its state replayed. Done
 * again where it broke off: a vex that is back already only gets its state.
 */
function giveBack(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  names: PairNames,
  state: PodState,
): void {
  const { os, warn } = context
  const { link } = state
  const vin = linkByName(context, enforcer, names.vin)
  if (vin !== null) leaveGroups(os, pod, state)
  if (vin !== null) apply(os, enforcer.netlinkFd, [deleteLink(vin.ifindex, vin.name)], GONE)
  const vex = linkByName(context, enforcer, names.vex)
  if (vex !== null) {
    const change = { newIfindex: link.ifindex, netnsFd: pod.netnsFd, name: link.name }
    apply(os, enforcer.netlinkFd, [setLink(vex.ifindex, change, `${vex.name} to the pod`)])
  }
  // What the primary plugin has deleted meanwhile needs no state.
  if (readLink(os, pod.netlinkFd, link.name)?.ifindex !== link.ifindex) return
  replayPodState(os, warn, pod, state)
}

function deleteBoth(context: InterceptContext, enforcer: Enforcer, names: PairNames): void {
  for (const name of [names.vin, names.vex]) {
    const link = linkByName(context, enforcer, name)
    if (link !== null) apply(context.os, enforcer.netlinkFd, [deleteLink(link.ifindex, name)], GONE)
  }
}

/**
 * Links of the key that no record speaks for. Where the pod stands behind them it gets its interface back as
 * it is now; else they are another's remains.
 */
export function giveBackStale(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  key: AttachmentKey,
): void {
  const names = namesOf(key)
  const links = linksByName(context, enforcer, [names.vin, names.vex])
  if (links.every((link) => link === null)) return
  const current = behindVin(context, pod, key, links[0] ?? null)
  if (current === null) {
    const ifindex = readLink(context.os, pod.netlinkFd, key.ifName)?.ifindex
    // A hairpin's: eth0 would go on sending its frames to where nobody is.
    if (ifindex !== undefined) removeEth0Hooks({ ...context, ...pod }, ifindex)
    deleteBoth(context, enforcer, names)
  } else giveBack(context, enforcer, pod, names, readRunningState(context.os, pod, current))
}

/** The pod's interface, if it is the other end of that vin. */
function behindVin(
  context: InterceptContext,
  pod: PodNetns,
  key: AttachmentKey,
  vin: Link | null,
): Link | null {
  const current = readLink(context.os, pod.netlinkFd, key.ifName)
  return current !== null && vin !== null && current.peerIfindex === vin.ifindex ? current : null
}

/** After it the pod is as the journal says, or gone and its links with it. */
export function undo(context: InterceptContext, entry: JournalEntry): void {
  const { record, before } = entry
  if (record.attachment === 'rules') releaseRules(context, record, [record.netns])
  const enforcer = record.links === null ? null : openEnforcer(context.os, context.instance)
  if (enforcer !== null) {
    try {
      undoIn(context, enforcer, record, before)
    } finally {
      closeEnforcer(context.os, enforcer)
    }
  }
  removeRecord(context.instance, record)
  removeJournal(context.instance, record)
}

/** What made ADD fail matters more than why undoing did; the journal stays for dpd to try again. */
export function undoOrWarn(context: InterceptContext, entry: JournalEntry): void {
  const { namespace, pod, ifName } = entry.record
  try {
    undo(context, entry)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    context.warn(`${namespace}/${pod} ${ifName}: not undone yet, left in the journal: ${why}`)
  }
}

function undoIn(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  before: PodState,
): void {
  const names = namesOf(record)
  // Inode numbers start again with each boot.
  const isOurBoot = record.bootId === context.bootId
  const pod = isOurBoot ? openPod(context, [record.netns], record.netnsInode) : null
  try {
    if (record.attachment === 'hairpin') releaseHairpin(context, enforcer, pod, record)
    else if (pod === null) deleteBoth(context, enforcer, names)
    else giveBack(context, enforcer, pod, names, before)
  } finally {
    pod?.close()
  }
  removeFilters(context, enforcer, record)
}

/** The links are gone, their filters with them: what a driver keeps is tried again, no reason to fail. */
export function removeFilters(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  attempts = 2,
): void {
  try {
    if (record.attachment === 'rules') releaseRules(context, record, [record.netns])
    else withDriverOf(context, record, (driver) => driver.remove(enforcer, record))
  } catch (error) {
    if (attempts > 1) {
      removeFilters(context, enforcer, record, attempts - 1)
      return
    }
    const why = error instanceof Error ? error.message : String(error)
    context.warn(`endpoint ${record.id}: the ${record.driver} driver kept something: ${why}`)
  }
}

/** Any number of times, in any state, with or without a netns; success where there is nothing. */
export function detach(context: InterceptContext, key: AttachmentKey, netns: string): void {
  const { os, instance, warn } = context
  withDemandedLock(os, keyLockPath(instance, key), () => {
    undoUnfinished(context, key)
    const record = readRecord(instance, key, warn)
    if (record?.attachment === 'rules') releaseRules(context, record, [netns, record.netns])
    const enforcer = record?.links === null ? null : openEnforcer(os, instance)
    if (enforcer !== null) {
      try {
        detachIn(context, enforcer, key, record, netns)
      } finally {
        closeEnforcer(os, enforcer)
      }
    } else if (record?.attachment === 'hairpin') unhook(context, record, netns)
    removeRecord(instance, key)
    removeJournal(instance, key)
    forgetReleased(instance, key)
  })
}

/** The enforcer is lost, and vw0 with it; the pod's own interface is there, and is all that it needs. */
function unhook(context: InterceptContext, record: EndpointRecord, netns: string): void {
  if (record.bootId !== context.bootId) return
  const pod = openPod(context, [netns, record.netns], record.netnsInode)
  if (pod === null) return
  try {
    removeEth0Hooks({ ...context, ...pod }, linksOf(record).podIfindex)
  } finally {
    pod.close()
  }
}

function detachIn(
  context: InterceptContext,
  enforcer: Enforcer,
  key: AttachmentKey,
  record: EndpointRecord | null,
  netns: string,
): void {
  const names = namesOf(key)
  const isOurBoot = record !== null && record.bootId === context.bootId
  const pod = isOurBoot ? openPod(context, [netns, record.netns], record.netnsInode) : null
  try {
    const vin = linkByName(context, enforcer, names.vin)
    const current = pod === null ? null : behindVin(context, pod, key, vin)
    if (record?.attachment === 'hairpin') releaseHairpin(context, enforcer, pod, record)
    else if (record === null || pod === null || current === null)
      deleteBoth(context, enforcer, names)
    else giveBackJournalled(context, enforcer, pod, record, current)
  } finally {
    pod?.close()
  }
  if (record !== null) removeFilters(context, enforcer, record)
}

/** Deleting vin forgets what the pod has now: it goes to disk first, and outlives the record. */
function giveBackJournalled(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: PodNetns,
  record: EndpointRecord,
  current: Link,
): void {
  const { os, instance } = context
  const before = readRunningState(os, pod, current)
  writeJournal(instance, { record, before })
  giveBack(context, enforcer, pod, namesOf(record), before)
}

/** Read again under the lock: DEL may have come first. */
export function undoUnfinished(context: InterceptContext, key: AttachmentKey): void {
  const entry = readJournal(context.instance, key, context.warn)
  if (entry !== null) undo(context, entry)
}
