/** What the `nfqueue` driver needs, for interfaces that are not veth. */
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { binary, encodeAttributes } from '../../core/netlink/attribute.js'
import { joined, NLM_F_ACK, type Request } from '../../core/netlink/message.js'
import { probeRules } from '../nfqueue/probe.js'
import { apply } from '../rtnetlink.js'
import type { Probe } from './probe.js'

const NETLINK_NETFILTER = 12
/** linux/netfilter/nfnetlink.h, nfnetlink_queue.h. */
const NFNL_SUBSYS_QUEUE = 3
const NFQNL_MSG_CONFIG = 2
const NFQA_CFG_CMD = 1
const NFQNL_CFG_CMD_BIND = 1
const PROBE_QUEUE = 0xffff
const COST = 'interfaces that are not veth stay as they are, uninspected'
const TOOLS = ['iptables-restore', 'ip6tables-restore', 'nsenter']
const TOOL_FOLDERS = ['/usr/sbin', '/sbin', '/usr/bin', '/usr/local/sbin']

/** Binds a queue: it goes with the socket. */
function bindQueue(): Request {
  // struct nfgenmsg: u8 family, u8 version, __be16 res_id
  const header = Uint8Array.of(0, 0, PROBE_QUEUE >> 8, PROBE_QUEUE & 0xff)
  const command = binary(NFQA_CFG_CMD, Uint8Array.of(NFQNL_CFG_CMD_BIND, 0, 0, 0))
  return {
    type: (NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_CONFIG,
    flags: NLM_F_ACK,
    payload: joined(header, encodeAttributes([command])),
    subject: `NFQNL_MSG_CONFIG queue ${PROBE_QUEUE}`,
  }
}

function isExecutable(tool: string): boolean {
  return TOOL_FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, tool), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export const NFQUEUE_PROBES: readonly Probe[] = [
  {
    subject: 'nfnetlink_queue',
    otherwise: 'degraded',
    cost: COST,
    cure: 'modprobe nfnetlink_queue (CONFIG_NETFILTER_NETLINK_QUEUE)',
    holds: ({ os, near }) => {
      const fd = os.netlinkOpen(near.fd, NETLINK_NETFILTER)
      try {
        apply(os, fd, [bindQueue()])
        return true
      } finally {
        os.close(fd)
      }
    },
  },
  {
    subject: 'iptables, ip6tables, nsenter',
    otherwise: 'degraded',
    cost: COST,
    cure: 'install the packages iptables and util-linux',
    holds: () => TOOLS.every(isExecutable),
  },
  {
    subject: 'xt_NFQUEUE, xt_mark, xt_connmark, xt_tcpudp, xt_comment',
    otherwise: 'degraded',
    cost: COST,
    cure: 'modprobe nft_compat or ip_tables, and the modules named',
    holds: ({ near }) => {
      probeRules(near.fd)
      return true
    },
  },
]
