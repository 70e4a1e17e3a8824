/**
 * The way back: from wherever a swap stands to the pod's own interface in its place. Used to undo a
 * failed ADD, for DEL while the pod lives, and for journals of processes that died.
 */
import { closeSync } from 'node:fs'
import type { AttachmentKey, EndpointRecord } from '../core/endpoint.js'
import { decodeLink, deleteLink, getLinkByName, type Link, setLink } from '../core/netlink/link.js'
import type { InterceptContext } from './context.js'
import type { Enforcer } from './driver.js'
import { keyLockPath, readRecord, removeRecord } from './endpoint-records.js'
import { closeEnforcer, NETLINK_ROUTE, openEnforcer } from './enforcer.js'
import { type JournalEntry, listJournal, readJournal, removeJournal } from './journal.js'
import { vexName, vinName } from './link-names.js'
import { isLocked, withKeyLock } from './lock.js'
import { openNetns, ownNetnsIdentity } from './netns.js'
import { type PodState, readLink, readPodState, replayPodState } from './pod-state.js'
import { apply } from './tc/rtnetlink.js'

const GONE = { accept: ['ENODEV', 'ENOENT'] }

interface PairNames {
  readonly vin: string
  readonly vex: string
}

const namesOf = (key: AttachmentKey): PairNames => ({ vin: vinName(key), vex: vexName(key) })

function linkByName(context: InterceptContext, enforcer: Enforcer, name: string): Link | null {
  const messages = apply(context.os, enforcer.netlinkFd, [getLinkByName(name)], GONE)
  return messages.map(decodeLink).find((link) => link !== null) ?? null
}

interface OpenPod {
  readonly netnsFd: number
  readonly netlinkFd: number
  close(): void
}

/** The pod's namespace by the first path that still leads to the same one; null = gone. */
function openPod(
  context: InterceptContext,
  paths: readonly string[],
  identity: string,
): OpenPod | null {
  for (const path of paths) {
    const netns = openNetns(path)
    if (netns === null) continue
    if (netns.identity !== identity || identity === ownNetnsIdentity()) {
      closeSync(netns.fd)
      continue
    }
    const netlinkFd = context.os.netlinkOpen(netns.fd, NETLINK_ROUTE)
    const close = (): void => {
      context.os.close(netlinkFd)
      closeSync(netns.fd)
    }
    return { netnsFd: netns.fd, netlinkFd, close }
  }
  return null
}

/** vin away (and the pod's end with it), vex back under its old name and index, its state replayed. */
function giveBack(
  context: InterceptContext,
  enforcer: Enforcer,
  pod: OpenPod,
  names: PairNames,
  state: PodState,
): void {
  const { os } = context
  const vin = linkByName(context, enforcer, names.vin)
  if (vin !== null) apply(os, enforcer.netlinkFd, [deleteLink(vin.ifindex, vin.name)], GONE)
  const vex = linkByName(context, enforcer, names.vex)
  if (vex === null) return
  const { link } = state
  apply(os, enforcer.netlinkFd, [
    setLink(vex.ifindex, { alias: '' }, vex.name),
    setLink(
      vex.ifindex,
      { newIfindex: link.ifindex, netnsFd: pod.netnsFd, name: link.name },
      vex.name,
    ),
  ])
  replayPodState(os, pod, state)
}

function deleteBoth(context: InterceptContext, enforcer: Enforcer, names: PairNames): void {
  for (const name of [names.vin, names.vex]) {
    const link = linkByName(context, enforcer, name)
    if (link !== null) apply(context.os, enforcer.netlinkFd, [deleteLink(link.ifindex, name)], GONE)
  }
}

/** After it the pod is as the journal says, or gone and its links with it. */
export function undo(context: InterceptContext, entry: JournalEntry): void {
  const { record, before } = entry
  const enforcer = openEnforcer(context.os, context.instance)
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

function undoIn(
  context: InterceptContext,
  enforcer: Enforcer,
  record: EndpointRecord,
  before: PodState,
): void {
  const names = namesOf(record)
  const pod = openPod(context, [record.netns], record.netnsInode)
  try {
    if (pod === null) deleteBoth(context, enforcer, names)
    else giveBack(context, enforcer, pod, names, before)
  } finally {
    pod?.close()
  }
  context.driver.remove(enforcer, record)
}

/** Any number of times, in any state, with or without a netns; success where there is nothing. */
export function detach(context: InterceptContext, key: AttachmentKey, netns: string): void {
  const { os, instance, warn } = context
  withKeyLock(os, keyLockPath(instance, key), () => {
    const unfinished = readJournal(instance, key, warn)
    if (unfinished !== null) undo(context, unfinished)
    const record = readRecord(instance, key, warn)
    const enforcer = openEnforcer(os, instance)
    if (enforcer === null) {
      removeRecord(instance, key)
      return
    }
    try {
      detachIn(context, enforcer, key, record, netns)
    } finally {
      closeEnforcer(os, enforcer)
    }
    removeRecord(instance, key)
  })
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
    const current = pod === null ? null : readLink(context.os, pod.netlinkFd, key.ifName)
    const vin = linkByName(context, enforcer, names.vin)
    const isBehindVin = current !== null && vin !== null && current.peerIfindex === vin.ifindex
    if (pod === null || !isBehindVin) deleteBoth(context, enforcer, names)
    else giveBack(context, enforcer, pod, names, readPodState(context.os, pod, current))
  } finally {
    pod?.close()
  }
  if (record !== null) context.driver.remove(enforcer, record)
}

/** Journals whose process is dead: undone. Of another boot: only files. */
export function recover(context: InterceptContext): number {
  const { os, instance, warn, bootId } = context
  let undone = 0
  for (const entry of listJournal(instance, warn)) {
    const { record } = entry
    if (isLocked(os, keyLockPath(instance, record))) continue
    warn(`${record.namespace}/${record.pod} ${record.ifName}: a swap broke off; undone`)
    if (record.bootId === bootId) {
      withKeyLock(os, keyLockPath(instance, record), () => undo(context, entry))
    } else {
      removeJournal(instance, record)
      removeRecord(instance, record)
    }
    undone++
  }
  return undone
}
