/** act_mirred (linux/tc_act/tc_mirred.h) towards a device's egress: a copy, or the frame itself. */
import { type Attribute, binary, find, HOST_LITTLE_ENDIAN, viewOf } from './attribute.js'
import { TC_GEN_OCTETS, writeTcGen } from './verdict.js'

const TCA_MIRRED_PARMS = 2
const TCA_EGRESS_REDIR = 1
const TCA_EGRESS_MIRROR = 2
/** struct tc_mirred: tc_gen, int eaction, u32 ifindex. */
const TC_MIRRED_OCTETS = TC_GEN_OCTETS + 8

export interface Mirred {
  readonly kind: 'mirred'
  /** `redirect` ends the filter, `mirror` goes on with the next action, as tc(8) sets them. */
  readonly eaction: 'redirect' | 'mirror'
  readonly ifindex: number
}

export function mirredOptions({ eaction, ifindex }: Mirred): Attribute[] {
  const parms = new Uint8Array(TC_MIRRED_OCTETS)
  const view = viewOf(parms)
  const isRedirect = eaction === 'redirect'
  writeTcGen(view, 0, isRedirect ? 'stolen' : 'pipe')
  view.setInt32(20, isRedirect ? TCA_EGRESS_REDIR : TCA_EGRESS_MIRROR, HOST_LITTLE_ENDIAN)
  view.setUint32(24, ifindex, HOST_LITTLE_ENDIAN)
  return [binary(TCA_MIRRED_PARMS, parms)]
}

export function decodeMirred(options: readonly Attribute[]): Mirred | null {
  const parms = find(options, TCA_MIRRED_PARMS)
  if (parms === null || parms.octets.length < TC_MIRRED_OCTETS) return null
  const view = viewOf(parms.octets)
  const eaction = view.getInt32(20, HOST_LITTLE_ENDIAN)
  if (eaction !== TCA_EGRESS_REDIR && eaction !== TCA_EGRESS_MIRROR) return null
  return {
    kind: 'mirred',
    eaction: eaction === TCA_EGRESS_REDIR ? 'redirect' : 'mirror',
    ifindex: view.getUint32(24, HOST_LITTLE_ENDIAN),
  }
}
