/** The pod of an endpoint that is attached by rules: its namespace for as long as it is the record's. */
import type { EndpointRecord } from '../../core/endpoint.js'
import type { InterceptContext } from '../context.js'
import type { Drift } from '../driver.js'
import { openPod } from '../open-pod.js'
import { type PodNetns, readLink } from '../pod-state.js'
import { checkRules, removeRules } from './rules.js'
import { MissingToolError } from './xtables.js'

/** null = the namespace is gone, or of another boot, whose inode numbers name nothing now. */
export function withRuledPod<T>(
  context: InterceptContext,
  record: EndpointRecord,
  paths: readonly string[],
  use: (pod: PodNetns) => T,
): T | null {
  if (record.bootId !== context.bootId) return null
  const pod = openPod(context, paths, record.netnsInode)
  if (pod === null) return null
  try {
    return use(pod)
  } finally {
    pod.close()
  }
}

/** Rules go with their namespace: with none there is nothing to do. */
export function releaseRules(
  context: InterceptContext,
  record: EndpointRecord,
  paths: readonly string[],
): void {
  try {
    withRuledPod(context, record, paths, ({ netnsFd }) =>
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
  const drift = withRuledPod(context, record, [record.netns], ({ netnsFd, netlinkFd }) => {
    const rules = checkRules(instance, netnsFd, record)
    if (readLink(os, netlinkFd, record.ifName) !== null) return rules
    const subject = `${record.ifName} in ${record.netns}`
    return [...rules, { what: 'link' as const, subject, want: 'there', have: 'none' }]
  })
  return drift ?? []
}
