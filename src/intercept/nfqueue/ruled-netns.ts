/** The pod of an endpoint that is attached by rules: its namespace for as long as it is the record's. */
import { closeSync } from 'node:fs'
import type { EndpointRecord } from '../../core/endpoint.js'
import type { InterceptContext } from '../context.js'
import type { Drift } from '../driver.js'
import { NETLINK_ROUTE } from '../enforcer.js'
import { openNetns, ownNetnsIdentity } from '../netns.js'
import { readLink } from '../pod-state.js'
import { checkRules, removeRules } from './rules.js'
import { MissingToolError } from './xtables.js'

/** By the first path that still leads to the recorded namespace; null = it is gone. */
export function withRuledNetns<T>(
  { bootId }: Pick<InterceptContext, 'bootId'>,
  record: EndpointRecord,
  paths: readonly string[],
  use: (netnsFd: number) => T,
): T | null {
  // Inode numbers start again with each boot.
  if (record.bootId !== bootId || record.netnsInode === ownNetnsIdentity()) return null
  for (const path of paths) {
    const netns = openNetns(path)
    if (netns === null) continue
    try {
      if (netns.identity === record.netnsInode) return use(netns.fd)
    } finally {
      closeSync(netns.fd)
    }
  }
  return null
}

/** Rules go with their namespace: with none there is nothing to do. */
export function releaseRules(
  context: InterceptContext,
  record: EndpointRecord,
  paths: readonly string[],
): void {
  try {
    withRuledNetns(context, record, paths, (netnsFd) =>
      removeRules(context.instance, netnsFd, record),
    )
  } catch (error) {
    // DEL does not fail for what is missing: the pod goes, and its rules with it.
    if (!(error instanceof MissingToolError)) throw error
    context.warn(
      `${record.namespace}/${record.pod} ${record.ifName}: its rules stay: ${error.message}`,
    )
  }
}

/** CNI CHECK. A pod that is gone has no drift: DEL is on its way. */
export function checkRuled(context: InterceptContext, record: EndpointRecord): Drift[] {
  const { os, instance } = context
  const drift = withRuledNetns(context, record, [record.netns], (netnsFd) => {
    const netlinkFd = os.netlinkOpen(netnsFd, NETLINK_ROUTE)
    try {
      const rules = checkRules(instance, netnsFd, record)
      if (readLink(os, netlinkFd, record.ifName) !== null) return rules
      const subject = `${record.ifName} in ${record.netns}`
      return [...rules, { what: 'link' as const, subject, want: 'there', have: 'none' }]
    } finally {
      os.close(netlinkFd)
    }
  })
  return drift ?? []
}
