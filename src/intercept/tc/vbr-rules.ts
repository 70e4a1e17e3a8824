/**
 * The u32 nodes of vbr-neuv that all endpoints share: they find the endpoint of a marker through hash
 * tables (a cost that does not grow with the number of pods), and restore multicast destinations.
 *
 * No action can copy a field, so a group address is rebuilt bit by bit: one node per bit of the IP
 * destination inverts the bit of the MAC that stands for it. The id would be lost on the way, for
 * the MAC overwrites it; it waits in the two octets of headroom before the destination.
 */
import type { TcAction } from '../../core/netlink/action.js'
import type { Pedit } from '../../core/netlink/pedit.js'
import { ROOT_TABLE, type U32Link, type U32Match, type U32Node } from '../../core/netlink/u32.js'
import { type CauseName, counted } from './causes.js'
import { ANY, GROUP, GROUP_RULES, matchMarker } from './frame-words.js'

/** Hash tables, `1:` to `5:`. */
export const TABLES = { toPod: 1, fromPod: 2, ipv4Bits: 3, ipv6Bits: 4, byScratch: 5 } as const
/** The largest that u32 has: the low octet of the id picks the bucket. */
const ENDPOINT_BUCKETS = 256
export const TABLE_BUCKETS: Readonly<Record<number, number>> = {
  [TABLES.toPod]: ENDPOINT_BUCKETS,
  [TABLES.fromPod]: ENDPOINT_BUCKETS,
  [TABLES.ipv4Bits]: 1,
  [TABLES.ipv6Bits]: 1,
  [TABLES.byScratch]: ENDPOINT_BUCKETS,
}
/** Written last: where it stands, all stand. Its cookie tells the layout's version. */
export const LAST_NODE = 0xfff
const LAYOUT_VERSION = 1

function root(node: number, matches: readonly U32Match[], actions: readonly TcAction[]): U32Node {
  return { table: ROOT_TABLE, bucket: 0, node, matches, actions }
}

function linked(node: number, matches: readonly U32Match[], link: U32Link): U32Node {
  return { table: ROOT_TABLE, bucket: 0, node, matches, link, actions: [] }
}

function dropped(node: number, matches: readonly U32Match[], cause: CauseName): U32Node {
  return root(node, matches, [counted(cause)])
}

/** A walk that finds nothing in a linked table goes on with the next node here. */
function rootNodes(): U32Node[] {
  const version: TcAction = { kind: 'gact', verdict: 'pipe', cookie: Uint8Array.of(LAYOUT_VERSION) }
  const fromPod = matchMarker('source')
  const toPod = matchMarker('destination')
  return [
    dropped(1, [...toPod, ...fromPod], 'not_one_marker'),
    linked(2, fromPod, {
      table: TABLES.fromPod,
      hashKey: { offset: -4, mask: 0x00ff_0000 },
    }),
    dropped(3, fromPod, 'unknown_endpoint'),
    // From here on a group destination can only be one that we restored.
    dropped(4, [GROUP], 'not_one_marker'),
    linked(5, toPod, { table: TABLES.toPod, hashKey: { offset: -12, mask: 0x0000_00ff } }),
    dropped(6, toPod, 'unknown_endpoint'),
    linked(7, GROUP_RULES.ipv4.mac, { table: TABLES.ipv4Bits }),
    linked(8, GROUP_RULES.ipv6.mac, { table: TABLES.ipv6Bits }),
    linked(9, [GROUP], { table: TABLES.byScratch, hashKey: { offset: -16, mask: 0x00ff_0000 } }),
    root(LAST_NODE, [ANY], [version, counted('not_one_marker')]),
  ]
}

/** Inverts bit `bit` (0 = lowest) of the destination MAC. */
function flipMacBit(bit: number): Pedit {
  const key =
    bit < 16
      ? { offset: 4, flip: (1 << (bit + 16)) >>> 0 }
      : { offset: 0, flip: (1 << (bit - 16)) >>> 0 }
  return {
    kind: 'pedit',
    verdict: 'continue',
    keys: [{ header: 'eth', keep: 0xffff_ffff, ...key }],
  }
}

/** RFC 1112 §6.4: the low 23 bits of the group; RFC 2464 §7: the low 32. */
function bitNodes(table: number, bits: number, ipOffset: number): U32Node[] {
  return Array.from({ length: bits }, (_, bit) => {
    const mask = (1 << bit) >>> 0
    const matches = [{ offset: ipOffset, mask, value: mask }]
    return { table, bucket: 0, node: bit + 1, matches, actions: [flipMacBit(bit)] }
  })
}

/** The last word of the destination in RFC 791 §3.1 and in RFC 8200 §3. */
const IPV4_DESTINATION = 16
const IPV6_DESTINATION_LAST = 36

/** Bits before the root that leads to them, the last node last. */
export function sharedNodes(): U32Node[] {
  return [
    ...bitNodes(TABLES.ipv4Bits, 23, IPV4_DESTINATION),
    ...bitNodes(TABLES.ipv6Bits, 32, IPV6_DESTINATION_LAST),
    ...rootNodes(),
  ]
}

export function isCurrentLayout(cookie: Uint8Array | undefined): boolean {
  return cookie?.[0] === LAYOUT_VERSION
}

/**
 * The id into the headroom, the group's fixed octets into the destination. From the network header,
 * for the word begins before the MAC header; group frames are small.
 */
export function scratchOf(id: number, family: 'ipv4' | 'ipv6'): Pedit {
  const [head, rest] = family === 'ipv4' ? [0x0100, 0x5e00_0000] : [0x3333, 0]
  return {
    kind: 'pedit',
    verdict: 'continue',
    keys: [
      { header: 'network', offset: -16, keep: 0, flip: ((id << 16) | head) >>> 0 },
      { header: 'network', offset: -12, keep: 0, flip: rest },
    ],
  }
}

/** vth-neuv: AF_PACKET has had its copy; the enforcer's own stack must never see a pod's frame. */
export const VTH_NODE: U32Node = root(1, [ANY], [{ kind: 'gact', verdict: 'drop' }])
