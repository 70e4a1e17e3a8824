/** What the `bpf` driver needs: its own programs through this kernel's verifier and classifier. */
import { readFileSync } from 'node:fs'
import { isReleaseSince } from '../../core/kernel-release.js'
import { bpfFilter } from '../../core/netlink/cls-bpf.js'
import { replaceFilter } from '../../core/netlink/filter.js'
import { replaceIngress } from '../../core/netlink/qdisc.js'
import { createAll } from '../bpf/loader.js'
import { apply } from '../rtnetlink.js'
import { LO_IFINDEX } from './links.js'
import type { Probe } from './probe.js'

const NEXT = 'the tc driver is used: no cut-through, and a watchdog process for fail-open'
/** Maps and programs with room to spare. */
const MEMLOCK_OCTETS = 8 << 20

/** Soft limit in octets; `unlimited` = Infinity. */
function memlockOctets(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8')
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1] ?? '0'
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft)
}

export const BPF_PROBES: readonly Probe[] = [
  {
    subject: 'bpf programs',
    otherwise: 'missing',
    cost: NEXT,
    cure: 'a kernel from 5.10 on with CONFIG_BPF_SYSCALL, and CAP_BPF with CAP_NET_ADMIN',
    holds: ({ os }) => {
      createAll(os).close()
      return true
    },
  },
  {
    subject: 'cls_bpf',
    otherwise: 'missing',
    cost: NEXT,
    cure: 'modprobe cls_bpf (CONFIG_NET_CLS_BPF, CONFIG_NET_CLS_ACT)',
    holds: ({ os, near }) => {
      const loaded = createAll(os)
      try {
        const key = { ifindex: LO_IFINDEX, priority: 1, handle: 1 }
        const filter = bpfFilter(key, loaded.programFd('vth_ingress'), 'probe')
        apply(os, near.netlinkFd, [replaceIngress(LO_IFINDEX), replaceFilter(filter)])
        return true
      } finally {
        loaded.close()
      }
    },
  },
  {
    subject: 'bpf file system',
    otherwise: 'missing',
    cost: NEXT,
    cure: 'CONFIG_BPF_SYSCALL; /sys must be mounted',
    holds: () => /\bbpf$/m.test(readFileSync('/proc/filesystems', 'utf8')),
  },
  {
    subject: 'RLIMIT_MEMLOCK',
    otherwise: 'degraded',
    cost: 'loading maps may fail: below 5.11 they count as locked memory',
    cure: `LimitMEMLOCK=${MEMLOCK_OCTETS} or more in dpd.service, or a kernel from 5.11 on`,
    holds: ({ release }) => isReleaseSince(release, [5, 11]) || memlockOctets() >= MEMLOCK_OCTETS,
  },
  {
    subject: 'redirect_peer counters',
    otherwise: 'degraded',
    cost: 'frames towards a pod take one queue more, so that its RX counters stay right',
    cure: 'a kernel from 6.8 on',
    holds: ({ release }) => isReleaseSince(release, [6, 8]),
  },
]
