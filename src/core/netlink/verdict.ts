/** How an action ends (linux/pkt_cls.h, TC_ACT_*), and the fields that every action's parameters begin with. */
import { HOST_LITTLE_ENDIAN, viewOf } from './attribute.js'

const VERDICTS = {
  /** TC_ACT_UNSPEC, `continue`: on to the next filter. */
  continue: -1,
  /** TC_ACT_SHOT. */
  drop: 2,
  /** TC_ACT_PIPE: on to the next action. */
  pipe: 3,
  /** TC_ACT_STOLEN: the frame is ours now; what `mirred … redirect` ends with. */
  stolen: 4,
} as const

export type Verdict = keyof typeof VERDICTS

/** #define tc_gen: u32 index, u32 capab, int action, int refcnt, int bindcnt. */
export const TC_GEN_OCTETS = 20

export function writeTcGen(view: DataView, index: number, verdict: Verdict): void {
  view.setUint32(0, index, HOST_LITTLE_ENDIAN)
  view.setInt32(8, VERDICTS[verdict], HOST_LITTLE_ENDIAN)
}

export interface TcGen {
  readonly index: number
  /** null = one that we never set. */
  readonly verdict: Verdict | null
}

export function readTcGen(octets: Uint8Array): TcGen {
  const view = viewOf(octets)
  const number = view.getInt32(8, HOST_LITTLE_ENDIAN)
  const entry = Object.entries(VERDICTS).find(([, value]) => value === number)
  return {
    index: view.getUint32(0, HOST_LITTLE_ENDIAN),
    verdict: entry === undefined ? null : (entry[0] as Verdict),
  }
}
