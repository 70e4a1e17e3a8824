/** What the `tc` driver needs: its classifier and its actions, found by adding one of each. */
import { addAction, type TcAction } from '../../core/netlink/action.js'
import { NetlinkError } from '../../core/netlink/error.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import { addU32Table } from '../../core/netlink/u32.js'
import type { Os } from '../os.js'
import { apply } from '../rtnetlink.js'
import { LO_IFINDEX } from './links.js'
import type { Probe } from './probe.js'

/** Beside the bpf driver's probe filter. */
const PRIORITY = 2

const ACTIONS: readonly TcAction[] = [
  { kind: 'gact', verdict: 'pipe' },
  { kind: 'mirred', eaction: 'redirect', ifindex: LO_IFINDEX },
  {
    kind: 'pedit',
    verdict: 'pipe',
    keys: [{ header: 'eth', offset: 0, keep: 0xffff_ffff, flip: 0 }],
  },
]

/** The kernel loads the module for it; ENOENT = it has none. */
function hasAction(os: Os, netlinkFd: number, action: TcAction): boolean {
  try {
    apply(os, netlinkFd, [addAction(action)])
    return true
  } catch (error) {
    if (error instanceof NetlinkError && error.code === 'ENOENT') return false
    throw error
  }
}

/** Names of missing actions. `netlinkFd`: of a namespace that is thrown away afterwards, the probes with it. */
export function probeActions(os: Os, netlinkFd: number): string[] {
  const missing = ACTIONS.filter((action) => !hasAction(os, netlinkFd, action))
  return missing.map(({ kind }) => `act_${kind}`)
}

const COST = 'the tc driver does not work: no fall-back where bpf does not load'

export const TC_PROBES: readonly Probe[] = [
  {
    subject: 'cls_u32',
    otherwise: 'missing',
    cost: COST,
    cure: 'modprobe cls_u32 (CONFIG_NET_CLS_U32)',
    holds: ({ os, near }) => {
      const device = { ifindex: LO_IFINDEX, priority: PRIORITY }
      apply(os, near.netlinkFd, [replaceIngress(LO_IFINDEX), addU32Table(device, 1, 1)])
      return true
    },
  },
  ...ACTIONS.map(
    (action): Probe => ({
      subject: `act_${action.kind}`,
      otherwise: 'missing',
      cost: COST,
      cure: `modprobe act_${action.kind} (CONFIG_NET_ACT_${action.kind.toUpperCase()})`,
      holds: ({ os, near }) => hasAction(os, near.netlinkFd, action),
    }),
  ),
]
