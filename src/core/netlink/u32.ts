/**
 * The `u32` classifier (linux/pkt_cls.h, struct tc_u32_sel). Offsets count from the network header
 * and are multiples of four: the Ethernet header is the words -16 (its upper half is headroom) to -4.
 * A handle is hash table (12 bits), bucket (8), node (12); the first table of a classifier is 800:.
 */

import { type DecodedAction, decodeActions, encodeActions, type TcAction } from './action.js'
import {
  asNested,
  asU32,
  binary,
  find,
  HOST_LITTLE_ENDIAN,
  nestedWithoutFlag,
  u32,
  viewOf,
} from './attribute.js'
import { addFilter, type Filter, type FilterKey } from './filter.js'
import type { Request } from './message.js'

const TCA_U32_HASH = 2
const TCA_U32_LINK = 3
const TCA_U32_DIVISOR = 4
const TCA_U32_SEL = 5
const TCA_U32_ACT = 7
const TCA_U32_PCNT = 9
const TC_U32_TERMINAL = 1
const SEL_OCTETS = 16
const KEY_OCTETS = 16

export const ROOT_TABLE = 0x800

/** `match u32 VALUE MASK at OFFSET`. */
export interface U32Match {
  readonly offset: number
  readonly mask: number
  readonly value: number
}

export interface U32Link {
  /** Table that a matching frame goes on to. */
  readonly table: number
  /** Which octet picks the bucket: `hashkey mask MASK at OFFSET`; absent = bucket 0. */
  readonly hashKey?: { readonly mask: number; readonly offset: number }
}

/** A node: all matches hold → the actions run, or the walk goes on in another table. */
export interface U32Node {
  readonly table: number
  readonly bucket: number
  /** 1 to 0xfff; nodes of a bucket are tried in this order. */
  readonly node: number
  readonly matches: readonly U32Match[]
  readonly link?: U32Link
  readonly actions: readonly TcAction[]
}

export interface DecodedU32Node extends Omit<U32Node, 'actions'> {
  readonly actions: readonly DecodedAction[]
}

export function u32Handle({ table, bucket, node }: Pick<U32Node, 'table' | 'bucket' | 'node'>) {
  return ((table << 20) | (bucket << 12) | node) >>> 0
}

function encodeSelector({ matches, link }: U32Node): Uint8Array {
  const sel = new Uint8Array(SEL_OCTETS + matches.length * KEY_OCTETS)
  const view = viewOf(sel)
  // u8 flags, u8 offshift, u8 nkeys, pad, __be16 offmask, u16 off, s16 offoff, s16 hoff, __be32 hmask
  view.setUint8(0, link === undefined ? TC_U32_TERMINAL : 0)
  view.setUint8(2, matches.length)
  if (link?.hashKey !== undefined) {
    view.setInt16(10, link.hashKey.offset, HOST_LITTLE_ENDIAN)
    view.setUint32(12, link.hashKey.mask, false)
  }
  matches.forEach(({ offset, mask, value }, index) => {
    const at = SEL_OCTETS + index * KEY_OCTETS
    view.setUint32(at, mask, false)
    view.setUint32(at + 4, value, false)
    view.setInt32(at + 8, offset, HOST_LITTLE_ENDIAN)
  })
  return sel
}

/** As tc(8) orders them: link, actions, bucket, selector. */
export function u32Filter(device: Pick<FilterKey, 'ifindex' | 'priority'>, node: U32Node): Filter {
  const { table, link, actions } = node
  const bucket = u32Handle({ ...node, node: 0 })
  const options = [
    ...(link === undefined ? [] : [u32(TCA_U32_LINK, (link.table << 20) >>> 0)]),
    ...(actions.length === 0 ? [] : [nestedWithoutFlag(TCA_U32_ACT, encodeActions(actions))]),
    ...(table === ROOT_TABLE ? [] : [u32(TCA_U32_HASH, bucket)]),
    binary(TCA_U32_SEL, encodeSelector(node)),
  ]
  return { ...device, handle: u32Handle(node), kind: 'u32', options }
}

/** `tc filter add … handle TABLE: u32 divisor BUCKETS`; EEXIST where there is one. */
export function addU32Table(
  device: Pick<FilterKey, 'ifindex' | 'priority'>,
  table: number,
  buckets: number,
): Request {
  const handle = (table << 20) >>> 0
  return addFilter({ ...device, handle, kind: 'u32', options: [u32(TCA_U32_DIVISOR, buckets)] })
}

function decodeMatches(view: DataView): U32Match[] {
  const count = Math.min(view.getUint8(2), (view.byteLength - SEL_OCTETS) / KEY_OCTETS)
  return Array.from({ length: count }, (_, index) => {
    const at = SEL_OCTETS + index * KEY_OCTETS
    return {
      offset: view.getInt32(at + 8, HOST_LITTLE_ENDIAN),
      mask: view.getUint32(at, false),
      value: view.getUint32(at + 4, false),
    }
  })
}

function decodeLink(filter: Filter, view: DataView): U32Link | undefined {
  const link = find(filter.options, TCA_U32_LINK)
  if (link === null) return undefined
  const mask = view.getUint32(12, false)
  const table = asU32(link) >>> 20
  return mask === 0
    ? { table }
    : { table, hashKey: { mask, offset: view.getInt16(10, HOST_LITTLE_ENDIAN) } }
}

/** null = another classifier's, a hash table, or the classifier itself. */
export function decodeU32Node(filter: Filter): DecodedU32Node | null {
  const sel = find(filter.options, TCA_U32_SEL)
  if (filter.kind !== 'u32' || sel === null || sel.octets.length < SEL_OCTETS) return null
  const view = viewOf(sel.octets)
  const act = find(filter.options, TCA_U32_ACT)
  const link = decodeLink(filter, view)
  return {
    table: filter.handle >>> 20,
    bucket: (filter.handle >>> 12) & 0xff,
    node: filter.handle & 0xfff,
    matches: decodeMatches(view),
    ...(link === undefined ? {} : { link }),
    actions: act === null ? [] : decodeActions(asNested(act)),
  }
}

export interface U32Counts {
  /** Frames that came to the node, whether it matched or not. */
  readonly walked: number
  readonly matched: number
}

/** struct tc_u32_pcnt, of kernels with CONFIG_CLS_U32_PERF; null = not told. */
export function decodeU32Counts(filter: Filter): U32Counts | null {
  const counts = find(filter.options, TCA_U32_PCNT)
  if (filter.kind !== 'u32' || counts === null || counts.octets.length < 16) return null
  const view = viewOf(counts.octets)
  const number = (at: number) => Number(view.getBigUint64(at, HOST_LITTLE_ENDIAN))
  return { walked: number(0), matched: number(8) }
}
