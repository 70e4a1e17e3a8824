/**
 * One endpoint's u32 nodes on vin, vex and vbr-neuv. A node's matches are the same in every path, only
 * its actions change: a change of path replaces nodes by their handles, each in one step.
 */
import { type EndpointRecord, linksOf } from '../../core/endpoint.js'
import { VBR_IFINDEX } from '../../core/instance.js'
import type { TcAction } from '../../core/netlink/action.js'
import { ROOT_TABLE, type U32Match, type U32Node } from '../../core/netlink/u32.js'
import { counted, countedRefused } from './causes.js'
import { type Asked, encodeCookie } from './cookie.js'
import {
  ANY,
  BROADCAST,
  GROUP_RULES,
  KIND,
  type Kind,
  macOfMarker,
  matchMac,
  matchMarker,
  matchMarkerLow,
  type Slot,
  setMac,
} from './frame-words.js'
import { scratchOf, TABLES } from './vbr-rules.js'

/** In order of trial on vin and vex; 3 to 6 lead to flows that are carried (carried-nodes.ts). */
export const NODES = {
  forgedDestination: 1,
  forgedSource: 2,
  podMac: 7,
  broadcast: 8,
  ipv4Multicast: 9,
  ipv6Multicast: 10,
  foreign: 11,
} as const

/** What is in force: what was asked for, and whether the judge is dead (design §6). */
export interface InForce extends Asked {
  readonly isStale: boolean
}

export interface EndpointRules {
  readonly vin: readonly U32Node[]
  readonly vex: readonly U32Node[]
  readonly vbr: readonly U32Node[]
}

type Redirect = { readonly kind: 'mirred'; readonly eaction: 'redirect'; readonly ifindex: number }

function redirect(ifindex: number): Redirect {
  return { kind: 'mirred', eaction: 'redirect', ifindex }
}

function root(node: number, matches: readonly U32Match[], actions: readonly TcAction[]): U32Node {
  return { table: ROOT_TABLE, bucket: 0, node, matches, actions }
}

/** A frame that dpd may see. `exit` is the device on the other side of the pair. */
function judged(state: InForce, slot: Slot, id: number, kind: Kind, exit: number): TcAction[] {
  const marked = [setMac(slot, macOfMarker(id, kind), 'pipe'), redirect(VBR_IFINDEX)]
  switch (state.path) {
    case 'direct':
      return [redirect(exit)]
    case 'tap':
      // The original first: pedit would rewrite it too.
      return [{ kind: 'mirred', eaction: 'mirror', ifindex: exit }, ...marked]
    case 'inline':
      if (!state.isStale) return marked
      return state.failure === 'closed'
        ? [counted('stale_closed')]
        : [counted('stale_open'), redirect(exit)]
    case 'quarantine':
      return [counted('quarantine')]
  }
}

/** A frame to or from another MAC: no marker could restore it. `seen` counts the pod's own. */
function foreign(state: InForce, exit: number, seen: readonly TcAction[]): TcAction[] {
  const asked: TcAction = { kind: 'gact', verdict: 'pipe', cookie: encodeCookie(state) }
  switch (state.path) {
    case 'direct':
      return [asked, redirect(exit)]
    case 'tap':
      return [asked, counted('foreign_passed'), redirect(exit)]
    case 'inline':
      return state.strict
        ? [asked, ...seen, counted('foreign_dropped')]
        : [asked, counted('foreign_passed'), redirect(exit)]
    case 'quarantine':
      return [asked, counted('quarantine')]
  }
}

function forged(seen: readonly TcAction[]): U32Node[] {
  const actions = [...seen, counted('forged_marker')]
  return [
    root(NODES.forgedDestination, matchMarker('destination'), actions),
    root(NODES.forgedSource, matchMarker('source'), actions),
  ]
}

function vinNodes(record: EndpointRecord, state: InForce): U32Node[] {
  const { id } = record
  const links = linksOf(record)
  const exit = links.vexIfindex
  return [
    ...forged([countedRefused(id, 'forgedMarker')]),
    root(NODES.podMac, matchMac('source', links.mac), judged(state, 'source', id, 'podMac', exit)),
    root(NODES.foreign, [ANY], foreign(state, exit, [countedRefused(id, 'foreignMac')])),
  ]
}

function vexNodes(record: EndpointRecord, state: InForce): U32Node[] {
  const { id } = record
  const links = linksOf(record)
  const exit = links.vinIfindex
  const to = (kind: Kind) => judged(state, 'destination', id, kind, exit)
  return [
    // Towards a pod the sender is somebody else, whom no endpoint stands for.
    ...forged([]),
    root(NODES.podMac, matchMac('destination', links.mac), to('podMac')),
    root(NODES.broadcast, matchMac('destination', BROADCAST), to('broadcast')),
    root(NODES.ipv4Multicast, GROUP_RULES.ipv4.onDevice, to('multicast')),
    root(NODES.ipv6Multicast, GROUP_RULES.ipv6.onDevice, to('multicast')),
    root(NODES.foreign, [ANY], foreign(state, exit, [])),
  ]
}

/** `direct` lets what the engine still held of an inline time drain; a tap's copy never returns. */
function isReturnOpen({ path }: InForce): boolean {
  return path === 'inline' || path === 'direct'
}

/**
 * Nodes of a bucket (low octet of the id) are numbered by the high octet: eight to an endpoint.
 * The last matches every kind of this id, so that a bad kind is told from an unknown endpoint.
 */
function vbrNodes(record: EndpointRecord, state: InForce): U32Node[] {
  const { id } = record
  const links = linksOf(record)
  const isOpen = isReturnOpen(state)
  const back = (...actions: TcAction[]) => (isOpen ? actions : [counted('not_inline')])
  const at = (table: number, place: number) => ({
    table,
    bucket: id & 0xff,
    node: ((id >>> 8) << 3) + 1 + place,
  })
  const low = (slot: Slot, kind: Kind) => matchMarkerLow(slot, (KIND[kind] << 14) | id, 0xffff)
  const anyKind = (slot: Slot) => [matchMarkerLow(slot, id, 0x3fff)]
  const toPod = redirect(links.vinIfindex)
  const { toPod: up, fromPod, byScratch } = TABLES
  return [
    {
      ...at(up, 0),
      matches: [low('destination', 'podMac')],
      actions: back(setMac('destination', links.mac, 'pipe'), toPod),
    },
    {
      ...at(up, 1),
      matches: [low('destination', 'broadcast')],
      actions: back(setMac('destination', BROADCAST, 'pipe'), toPod),
    },
    {
      ...at(up, 2),
      matches: [low('destination', 'multicast'), ...GROUP_RULES.ipv4.packet],
      actions: back(scratchOf(id, 'ipv4')),
    },
    {
      ...at(up, 3),
      matches: [low('destination', 'multicast'), ...GROUP_RULES.ipv6.packet],
      actions: back(scratchOf(id, 'ipv6')),
    },
    { ...at(up, 4), matches: anyKind('destination'), actions: back(counted('bad_kind')) },
    {
      ...at(fromPod, 0),
      matches: [low('source', 'podMac')],
      actions: back(setMac('source', links.mac, 'pipe'), redirect(links.vexIfindex)),
    },
    { ...at(fromPod, 4), matches: anyKind('source'), actions: back(counted('bad_kind')) },
    {
      ...at(byScratch, 0),
      matches: [{ offset: -16, mask: 0xffff_0000, value: (id << 16) >>> 0 }],
      actions: [toPod],
    },
  ]
}

export function endpointRules(record: EndpointRecord, state: InForce): EndpointRules {
  return {
    vin: vinNodes(record, state),
    vex: vexNodes(record, state),
    vbr: vbrNodes(record, state),
  }
}

/** Frames come back before they go up, and stop going up before they stop coming back. */
export function isVbrFirst(state: InForce): boolean {
  return isReturnOpen(state)
}
