/** act_gact (linux/tc_act/tc_gact.h): nothing but a verdict and a counter. */
import { type Attribute, binary, find, viewOf } from './attribute.js'
import { readTcGen, TC_GEN_OCTETS, type Verdict, writeTcGen } from './verdict.js'

const TCA_GACT_PARMS = 2

export interface Gact {
  readonly kind: 'gact'
  readonly verdict: Verdict
  /** Shared by this index; absent = a fresh one. */
  readonly index?: number
}

export function gactOptions({ verdict, index = 0 }: Gact): Attribute[] {
  const parms = new Uint8Array(TC_GEN_OCTETS)
  writeTcGen(viewOf(parms), index, verdict)
  return [binary(TCA_GACT_PARMS, parms)]
}

export function decodeGact(options: readonly Attribute[]): Gact | null {
  const parms = find(options, TCA_GACT_PARMS)
  if (parms === null || parms.octets.length < TC_GEN_OCTETS) return null
  const { index, verdict } = readTcGen(parms.octets)
  return verdict === null ? null : { kind: 'gact', verdict, index }
}
