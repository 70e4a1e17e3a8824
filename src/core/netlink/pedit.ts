/**
 * act_pedit with extended keys (linux/tc_act/tc_pedit.h, `tc … action pedit ex`): each key changes one
 * aligned word: `word = (word & keep) ^ flip`. Header `eth` counts from the MAC header: the kernel
 * then makes only the first octets writable, where a negative offset from the network header makes
 * it take the whole frame, 64 KiB of it, into one piece (tcfp_off_max_hint).
 */
import {
  type Attribute,
  asNested,
  asU16,
  binary,
  find,
  HOST_LITTLE_ENDIAN,
  nested,
  u16,
  viewOf,
} from './attribute.js'
import { readTcGen, TC_GEN_OCTETS, type Verdict, writeTcGen } from './verdict.js'

const TCA_PEDIT_PARMS_EX = 4
const TCA_PEDIT_KEYS_EX = 5
const TCA_PEDIT_KEY_EX = 6
const TCA_PEDIT_KEY_EX_HTYPE = 1
const TCA_PEDIT_KEY_EX_CMD = 2
const TCA_PEDIT_KEY_EX_CMD_SET = 0
/** enum pedit_header_type. */
const HEADERS = { network: 0, eth: 1 } as const
/** struct tc_pedit_sel: tc_gen, u8 nkeys, u8 flags, padding. */
const SEL_OCTETS = TC_GEN_OCTETS + 4
/** struct tc_pedit_key: mask, val, off, at, offmask, shift. */
const KEY_OCTETS = 24

export interface PeditKey {
  readonly header: keyof typeof HEADERS
  /** From that header's first octet; a multiple of four. */
  readonly offset: number
  /** Bits that stay, in the order of the wire. */
  readonly keep: number
  /** Bits that are inverted after it. */
  readonly flip: number
}

export interface Pedit {
  readonly kind: 'pedit'
  readonly verdict: Verdict
  readonly keys: readonly PeditKey[]
}

export function peditOptions({ verdict, keys }: Pedit): Attribute[] {
  const parms = new Uint8Array(SEL_OCTETS + keys.length * KEY_OCTETS)
  const view = viewOf(parms)
  writeTcGen(view, 0, verdict)
  view.setUint8(TC_GEN_OCTETS, keys.length)
  keys.forEach(({ offset, keep, flip }, index) => {
    const at = SEL_OCTETS + index * KEY_OCTETS
    view.setUint32(at, keep, false)
    view.setUint32(at + 4, flip, false)
    view.setInt32(at + 8, offset, HOST_LITTLE_ENDIAN)
  })
  const extended = keys.map(({ header }) =>
    nested(TCA_PEDIT_KEY_EX, [
      u16(TCA_PEDIT_KEY_EX_HTYPE, HEADERS[header]),
      u16(TCA_PEDIT_KEY_EX_CMD, TCA_PEDIT_KEY_EX_CMD_SET),
    ]),
  )
  return [binary(TCA_PEDIT_PARMS_EX, parms), nested(TCA_PEDIT_KEYS_EX, extended)]
}

function headerOf(nest: Attribute): PeditKey['header'] | null {
  const attributes = asNested(nest)
  const type = find(attributes, TCA_PEDIT_KEY_EX_HTYPE)
  const command = find(attributes, TCA_PEDIT_KEY_EX_CMD)
  if (type === null || command === null || asU16(command) !== TCA_PEDIT_KEY_EX_CMD_SET) return null
  const number = asU16(type)
  return number === HEADERS.eth ? 'eth' : number === HEADERS.network ? 'network' : null
}

export function decodePedit(options: readonly Attribute[]): Pedit | null {
  const parms = find(options, TCA_PEDIT_PARMS_EX)
  const extended = find(options, TCA_PEDIT_KEYS_EX)
  if (parms === null || extended === null || parms.octets.length < SEL_OCTETS) return null
  const view = viewOf(parms.octets)
  const { verdict } = readTcGen(parms.octets)
  const headers = asNested(extended).map(headerOf)
  const isWhole = parms.octets.length >= SEL_OCTETS + headers.length * KEY_OCTETS
  if (verdict === null || !isWhole || view.getUint8(TC_GEN_OCTETS) !== headers.length) return null
  const keys: PeditKey[] = []
  for (const [index, header] of headers.entries()) {
    if (header === null) return null
    const at = SEL_OCTETS + index * KEY_OCTETS
    const offset = view.getInt32(at + 8, HOST_LITTLE_ENDIAN)
    keys.push({
      header,
      offset,
      keep: view.getUint32(at, false),
      flip: view.getUint32(at + 4, false),
    })
  }
  return { kind: 'pedit', verdict, keys }
}
