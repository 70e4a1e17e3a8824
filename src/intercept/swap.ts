/**
 * The swap (design §2): the pod's own interface moves into the enforcer as vex, a new pair takes its
 * place, vin facing the pod. A pod ends fully intercepted or exactly as it was.
 */
import { release } from 'node:os'
import {
  type EndpointLinks,
  type EndpointPath,
  type EndpointRecord,
  linksOf,
} from '../core/endpoint.js'
import { VEX_IFINDEX_BASE } from '../core/instance.js'
import { decodeLink, type Link } from '../core/netlink/link.js'
import {
  deleteAltNames,
  dumpLinks,
  getLinkByIndex,
  newVethPair,
  setLink,
} from '../core/netlink/link-request.js'
import type { AttachSpec } from './attach-spec.js'
import type { InterceptContext } from './context.js'
import { linkByIndex } from './enforcer.js'
import { kernelRefusal, NoSuchInterfaceError, refusal } from './interceptable.js'
import type { JournalEntry } from './journal.js'
import { journalled, knownOrCleared, type Way } from './journalled.js'
import { keepAtAdd } from './kept-interfaces.js'
import { linkAlias, vexName, vinName } from './link-names.js'
import { attachByRules, isRuled } from './nfqueue/attach.js'
import { whyRules } from './nfqueue/choice.js'
import { atPlace, type Place } from './place.js'
import { podStateOn, readPodState, readRunningState } from './pod-state.js'
import { leaveGroups, replayPodState } from './replay.js'
import { apply, dump } from './rtnetlink.js'

/** Every frame of a new pod is dropped when this returns: the caller sets the path. */
export function attach(context: InterceptContext, spec: AttachSpec): EndpointRecord {
  return atPlace(context, spec, (place) => attachIn(place, spec))
}

function attachIn(place: Place, spec: AttachSpec): EndpointRecord {
  const { context, pod } = place
  const known = knownOrCleared(place, spec, (record) => isAttached(place, record))
  if (known !== null) return known
  const { link, others, why } = chooseWay(place, spec)
  if (why !== null) return attachByRules(place, link, why, spec)
  const isRunning = spec.isRunning === true
  const before = (isRunning ? readRunningState : readPodState)(context.os, pod, link)
  const record = journalled(
    place,
    spec,
    before,
    (id) => planned(place, spec, { link, others, id, isRunning }),
    (entry) => swap(place, entry, isRunning ? 'direct' : 'quarantine'),
  )
  spec.onRecorded?.(record)
  keepAtAdd(context, record, podStateOn(before, linksOf(record).podIfindex))
  return record
}

/** `why` = rules are to be set in place of the swap; null = the swap. */
function chooseWay(
  { context, pod }: Place,
  spec: AttachSpec,
): { readonly link: Link; readonly others: readonly Link[]; readonly why: string | null } {
  const decoded = dump(context.os, pod.netlinkFd, dumpLinks()).map(decodeLink)
  const others = decoded.filter((other) => other !== null)
  const link = others.find(({ name }) => name === spec.ifName)
  if (link === undefined) throw new NoSuchInterfaceError(spec.ifName, spec.netns)
  const refused = kernelRefusal(release()) ?? refusal(link, others)
  const why = whyRules(context, link, refused)
  if (why === null && refused !== null) throw refused
  return { link, others, why }
}

/** The same pod already stands behind its pair: a runtime may repeat ADD. */
function isAttached({ context, pod, netns, enforcer }: Place, known: EndpointRecord): boolean {
  if (known.attachment === 'rules') return isRuled(context, known, netns)
  const { podIfindex, vinIfindex, vexIfindex } = linksOf(known)
  const { os } = context
  const isFacingVin =
    known.attachment === 'hairpin' ||
    linkByIndex(os, pod.netlinkFd, podIfindex)?.peerIfindex === vinIfindex
  return (
    known.bootId === context.bootId &&
    known.netnsInode === netns.identity &&
    isFacingVin &&
    linkByIndex(os, enforcer.netlinkFd, vexIfindex) !== null
  )
}

interface Planned {
  readonly link: Link
  /** All of the pod's namespace. */
  readonly others: readonly Link[]
  readonly id: number
  readonly isRunning: boolean
}

function planned(
  { context, enforcer }: Place,
  spec: AttachSpec,
  { link, others, id, isRunning }: Planned,
): Way {
  const isTaken = linkByIndex(context.os, enforcer.netlinkFd, link.peerIfindex) !== null
  const peerIndexLost = link.peerIfindex === 0 || isTaken
  const vexIfindex = VEX_IFINDEX_BASE + id
  // Another instance may have given that index to another interface of the pod.
  const isFree = !isRunning && others.every(({ ifindex }) => ifindex !== vexIfindex)
  return {
    ...{ driver: context.driver.name, why: context.why, attachment: 'swap' },
    links: {
      mac: link.mac,
      mtuOctets: link.mtuOctets,
      podIfindex: isFree ? vexIfindex : link.ifindex,
      vinName: vinName(spec),
      // Out of everybody's way, and of the vex indexes', where the host's is taken.
      vinIfindex: peerIndexLost ? VEX_IFINDEX_BASE + 0x4000 + id : link.peerIfindex,
      vexName: vexName(spec),
      vexIfindex,
      hostIfindex: link.peerIfindex,
      peerIndexLost,
    },
  }
}

function swap(place: Place, { record, before }: JournalEntry, path: EndpointPath): void {
  const { context, enforcer, pod, yieldToDel } = place
  const { os, driver, warn } = context
  const links = linksOf(record)
  const { link } = before
  const { altNames } = link
  leaveGroups(os, pod, before)
  apply(os, pod.netlinkFd, [
    // They would go along, and two pods may have the same ones.
    ...(altNames.length === 0 ? [] : [deleteAltNames(link.ifindex, altNames)]),
    setLink(
      link.ifindex,
      { newIfindex: links.vexIfindex, netnsFd: enforcer.netnsFd, name: links.vexName },
      link.name,
    ),
  ])
  const { mtuOctets, txQueueFrames } = link
  const queues = { tx: link.txQueues, rx: link.rxQueues }
  const pair = newVethPair(
    { name: links.vinName, ifindex: links.vinIfindex, mtuOctets, txQueueFrames, mac: null },
    { name: link.name, ifindex: links.podIfindex, mtuOctets, txQueueFrames, mac: link.mac, queues },
    pod.netnsFd,
  )
  const made = apply(os, enforcer.netlinkFd, [
    pair,
    setLink(links.vinIfindex, { alias: linkAlias(record, 'vin') }, links.vinName),
    setLink(links.vexIfindex, { alias: linkAlias(record, 'vex') }, links.vexName),
    ...[links.vinIfindex, links.vexIfindex].map(getLinkByIndex),
  ])
  requireIndexes(made.map(decodeLink), links)
  yieldToDel()
  // Filters before the links are up: no frame ever passes them unjudged.
  driver.ensure(enforcer, record, { path, failure: record.failure })
  apply(os, enforcer.netlinkFd, [
    setLink(links.vexIfindex, { up: true }, links.vexName),
    setLink(links.vinIfindex, { up: true }, links.vinName),
  ])
  yieldToDel()
  replayPodState(os, warn, pod, podStateOn(before, links.podIfindex))
}

/** A kernel before 5.13 ignores IFLA_NEW_IFINDEX without a word. */
function requireIndexes(made: readonly (Link | null)[], links: EndpointLinks): void {
  for (const [ifindex, name] of [
    [links.vexIfindex, links.vexName],
    [links.vinIfindex, links.vinName],
  ] as const) {
    if (!made.some((link) => link?.ifindex === ifindex && link.name === name)) {
      throw new Error(`${name} did not get ifindex ${ifindex}: the kernel is older than 5.13`)
    }
  }
}
