/**
 * Actions of a filter (linux/pkt_cls.h, TCA_ACT_*): run in order until one says how it ends. `index`
 * names an action that exists on its own and that filters share, counters and all; without it each
 * filter has a fresh one.
 */
import {
  type Attribute,
  asNested,
  asText,
  binary,
  decodeAttributes,
  encodeAttributes,
  find,
  HOST_LITTLE_ENDIAN,
  nested,
  nestedWithoutFlag,
  text,
  viewOf,
} from './attribute.js'
import { decodeGact, type Gact, gactOptions } from './gact.js'
import {
  joined,
  type Message,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  type Request,
} from './message.js'
import { decodeMirred, type Mirred, mirredOptions } from './mirred.js'
import { decodePedit, type Pedit, peditOptions } from './pedit.js'

export const RTM_NEWACTION = 48
export const RTM_GETACTION = 50
const TCA_ACT_TAB = 1
const TCA_ROOT_FLAGS = 2
/** struct nla_bitfield32: value, selector. */
const LARGE_DUMP_ON = Uint32Array.of(1, 1)
const TCA_ACT_KIND = 1
const TCA_ACT_OPTIONS = 2
const TCA_ACT_STATS = 4
const TCA_ACT_COOKIE = 6
const TCA_STATS_BASIC = 1
/** struct tcamsg. */
const TCAMSG_OCTETS = 4

export type TcAction = (Gact | Mirred | Pedit) & {
  /** Up to 16 octets of ours that the kernel gives back (TC_COOKIE_MAX_SIZE); only of a fresh action. */
  readonly cookie?: Uint8Array
}

export interface DecodedAction {
  /** null = of a kind, or in a form, that we never install. */
  readonly action: TcAction | null
  readonly packets: number
  /** Of frames, Ethernet header included. */
  readonly octets: number
}

function optionsOf(action: TcAction): Attribute[] {
  switch (action.kind) {
    case 'gact':
      return gactOptions(action)
    case 'mirred':
      return mirredOptions(action)
    case 'pedit':
      return peditOptions(action)
  }
}

function encodeAction(order: number, action: TcAction): Attribute {
  const cookie = action.cookie === undefined ? [] : [binary(TCA_ACT_COOKIE, action.cookie)]
  return nestedWithoutFlag(order, [
    text(TCA_ACT_KIND, action.kind),
    nested(TCA_ACT_OPTIONS, optionsOf(action)),
    ...cookie,
  ])
}

/** The value of TCA_U32_ACT and its like: one nest per action, its type the order from 1. */
export function encodeActions(actions: readonly TcAction[]): Attribute[] {
  return actions.map((action, index) => encodeAction(index + 1, action))
}

function decodeKind(kind: string, options: readonly Attribute[]): TcAction | null {
  switch (kind) {
    case 'gact':
      return decodeGact(options)
    case 'mirred':
      return decodeMirred(options)
    case 'pedit':
      return decodePedit(options)
    default:
      return null
  }
}

/** struct gnet_stats_basic: u64 octets, u32 packets. */
function countsOf(attributes: readonly Attribute[]): { packets: number; octets: number } {
  const stats = find(attributes, TCA_ACT_STATS)
  const basic = stats === null ? null : find(asNested(stats), TCA_STATS_BASIC)
  if (basic === null) return { packets: 0, octets: 0 }
  const view = viewOf(basic.octets)
  return {
    packets: view.getUint32(8, HOST_LITTLE_ENDIAN),
    octets: Number(view.getBigUint64(0, HOST_LITTLE_ENDIAN)),
  }
}

function decodeAction(nest: Attribute): DecodedAction {
  const attributes = asNested(nest)
  const kind = find(attributes, TCA_ACT_KIND)
  const options = find(attributes, TCA_ACT_OPTIONS)
  const cookie = find(attributes, TCA_ACT_COOKIE)
  const known =
    kind === null || options === null ? null : decodeKind(asText(kind), asNested(options))
  return {
    action: known === null || cookie === null ? known : { ...known, cookie: cookie.octets },
    ...countsOf(attributes),
  }
}

export function decodeActions(nests: readonly Attribute[]): DecodedAction[] {
  return nests.map(decodeAction)
}

/** `tc actions add action …`: an action on its own, to be shared by its index. */
export function addAction(action: TcAction): Request {
  const table = nestedWithoutFlag(TCA_ACT_TAB, encodeActions([action]))
  return {
    type: RTM_NEWACTION,
    flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
    payload: joined(new Uint8Array(TCAMSG_OCTETS), encodeAttributes([table])),
    subject: `RTM_NEWACTION ${action.kind} index ${action.kind === 'gact' ? (action.index ?? 0) : 0}`,
  }
}

/** `tc actions list action KIND`: all of that kind in the namespace, shared or not. */
export function dumpActions(kind: TcAction['kind']): Request {
  const table = nestedWithoutFlag(TCA_ACT_TAB, [nestedWithoutFlag(1, [text(TCA_ACT_KIND, kind)])])
  const flags = binary(TCA_ROOT_FLAGS, new Uint8Array(LARGE_DUMP_ON.buffer))
  return {
    type: RTM_GETACTION,
    flags: NLM_F_DUMP,
    payload: joined(new Uint8Array(TCAMSG_OCTETS), encodeAttributes([table, flags])),
    subject: `RTM_GETACTION ${kind}`,
  }
}

export function decodeActionDump(message: Message): DecodedAction[] {
  const attributes = decodeAttributes(message.payload.subarray(TCAMSG_OCTETS))
  const table = find(attributes, TCA_ACT_TAB)
  return table === null ? [] : decodeActions(asNested(table))
}
