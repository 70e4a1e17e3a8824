/** The rules of attach.json from the policies and from who the directory says the pods are. */
import { type AttachRule, compareAttachRules } from './attach-rules.js'
import type { EndpointsDirectory } from './endpoints-directory.js'
import { compareSpecificity, type Glob, matchGlob, parseGlob } from './glob.js'
import { PodLabels } from './identity.js'
import { selects } from './label-selector.js'
import { effectiveFailure, effectiveMode, type PolicyDefaults } from './mode.js'
import type { PolicyObject, PolicySet } from './model.js'

export interface AttachInput {
  readonly set: PolicySet
  readonly defaults: PolicyDefaults
  readonly directory: EndpointsDirectory
}

/**
 * Per namespace with policies: one rule for the pods that the directory does not name, who have no
 * labels, and one per name or glob that it has. Pods of which no policy says anything get no rule.
 */
export function attachRules(input: AttachInput): AttachRule[] {
  const labels = new PodLabels(input.directory)
  const rules: AttachRule[] = []
  for (const [namespace, policies] of byNamespace(input.set)) {
    const names = input.directory.pods.filter((pod) => pod.namespace === namespace)
    const candidates = [...new Set(['*', ...names.map(({ name }) => name)])].sort(
      (a, b) => -compareSpecificity(a, b),
    )
    const covering: Glob[] = []
    for (const pod of candidates) {
      const known = pod === '*' ? {} : labels.of(namespace, pod)
      const selecting = policies.filter(({ podSelector }) => selects(podSelector, known))
      // An unselected name inside a wider one that has a rule needs its own to stand before it.
      if (selecting.length === 0 && !covering.some((glob) => matchGlob(glob, pod))) continue
      covering.push(parseGlob(pod))
      rules.push(attachRule(input.defaults, { namespace, pod, labels: known }, selecting))
    }
  }
  const { defaults } = input
  if (defaults.failure !== undefined || defaults.mode === 'protect') {
    rules.push(attachRule(defaults, { namespace: '*', pod: '*', labels: {} }, []))
  }
  return rules.sort(compareAttachRules)
}

function attachRule(
  defaults: PolicyDefaults,
  pods: Pick<AttachRule, 'namespace' | 'pod' | 'labels'>,
  selecting: readonly PolicyObject[],
): AttachRule {
  const mode = effectiveMode(selecting, defaults)
  return { ...pods, mode, failure: effectiveFailure(selecting, mode, defaults) }
}

function byNamespace(set: PolicySet): Map<string, PolicyObject[]> {
  const groups = new Map<string, PolicyObject[]>()
  for (const policy of set.policies) {
    const group = groups.get(policy.namespace)
    if (group === undefined) groups.set(policy.namespace, [policy])
    else group.push(policy)
  }
  return groups
}
