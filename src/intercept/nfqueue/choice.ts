/** Swap or rules, for one interface: each of a pod's interfaces is decided by itself. */
import { decodeFound, dumpFilters } from '../../core/netlink/filter.js'
import type { Link } from '../../core/netlink/link.js'
import {
  decodeQdisc,
  getQdisc,
  TC_H_CLSACT_EGRESS,
  TC_H_INGRESS,
} from '../../core/netlink/qdisc.js'
import type { InterceptContext } from '../context.js'
import { linkByIndex } from '../enforcer.js'
import type { NotVethError } from '../interceptable.js'
import { withNodeNetlink } from '../kept-interfaces.js'
import { apply, dump } from '../rtnetlink.js'

const GONE = { accept: ['ENOENT', 'EINVAL', 'ENODEV'] }

/** The host end of the pod's veth carries BPF programs of somebody else: its dataplane knows the pod's links. */
export function foreignPrograms(context: InterceptContext, link: Link): string | null {
  if (link.kind !== 'veth' || link.peerIfindex === 0 || link.isPeerHere) return null
  return withNodeNetlink(context, ({ netlinkFd }) => {
    const { os } = context
    const host = linkByIndex(os, netlinkFd, link.peerIfindex)
    if (host === null || host.kind !== 'veth') return null
    const request = getQdisc(host.ifindex, TC_H_INGRESS)
    const hasQdisc = apply(os, netlinkFd, [request], GONE).some(
      (message) => decodeQdisc(message)?.kind === 'clsact',
    )
    if (!hasQdisc) return null
    const filters = [dumpFilters(host.ifindex), dumpFilters(host.ifindex, TC_H_CLSACT_EGRESS)]
    const found = filters.flatMap((request) => dump(os, netlinkFd, request, GONE)).map(decodeFound)
    const isForeign = found.some((filter) => filter?.kind === 'bpf' && filter.handle !== 0)
    return isForeign ? host.name : null
  })
}

/** Why the interface gets rules; null = the swap is for it. */
export function whyRules(
  context: InterceptContext,
  link: Link,
  refused: NotVethError | null,
): string | null {
  const { rules } = context
  if (rules === undefined) return null
  if (rules === 'always') return context.why
  if (refused !== null) {
    if (link.kind === 'veth') return refused.message
    const kind = link.kind === '' ? 'interface of no kind' : link.kind
    return `${link.name} is a ${kind}, which can't be swapped`
  }
  const host = foreignPrograms(context, link)
  return host === null
    ? null
    : `${host}, the host end of ${link.name}, carries BPF programs of others`
}
