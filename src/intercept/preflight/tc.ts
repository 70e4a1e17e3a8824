/** Which actions of the `tc` driver this kernel lacks, found by adding one of each (modules load by it). */
import { addAction, type TcAction } from '../../core/netlink/action.js'
import { NetlinkError } from '../../core/netlink/error.js'
import type { Os } from '../os.js'
import { apply } from '../tc/rtnetlink.js'

/** The loopback device of any namespace. */
const LO_IFINDEX = 1

const PROBES: readonly TcAction[] = [
  { kind: 'gact', verdict: 'pipe' },
  { kind: 'mirred', eaction: 'redirect', ifindex: LO_IFINDEX },
  {
    kind: 'pedit',
    verdict: 'pipe',
    keys: [{ header: 'eth', offset: 0, keep: 0xffff_ffff, flip: 0 }],
  },
]

/** `netlinkFd`: of a namespace that is thrown away afterwards, and the probes with it. */
export function probeActions(os: Os, netlinkFd: number): string[] {
  return PROBES.flatMap((action) => {
    try {
      apply(os, netlinkFd, [addAction(action)])
      return []
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT') return [`act_${action.kind}`]
      throw error
    }
  })
}
