/** The rules of attach.json from the policies and from who the directory says the pods are. */
import { type AttachRule, compareAttachRules } from './attach-rules.js'
import type { EndpointsDirectory } from './endpoints-directory.js'
import { PodLabels } from './identity.js'
import { type Labels, selects } from './label-selector.js'
import { effectiveFailure, effectiveMode, type PolicyDefaults } from './mode.js'
import type { PolicyObject, PolicySet } from './model.js'

export interface AttachInput {
  readonly set: PolicySet
  readonly defaults: PolicyDefaults
  readonly directory: EndpointsDirectory
}

/**
 * Per namespace with policies: one rule for the pods that the directory does not name, who have no
 * labels, and one per name or glob that it has. Pods for which nobody says anything get no rule.
 */
export function attachRules(input: AttachInput): AttachRule[] {
  const labels = new PodLabels(input.directory)
  const rules = new Map<string, AttachRule>()
  const add = (namespace: string, pod: string, policies: readonly PolicyObject[]) => {
    const known = labels.of(namespace, pod)
    rules.set(`${namespace}/${pod}`, attachRule(input, namespace, pod, known, policies))
  }
  for (const [namespace, policies] of byNamespace(input.set)) {
    const selectsNameless = policies.some(({ podSelector }) => selects(podSelector, {}))
    if (selectsNameless) add(namespace, '*', policies)
    for (const pod of input.directory.pods) {
      if (pod.namespace !== namespace) continue
      const isSelected = policies.some(({ podSelector }) =>
        selects(podSelector, labels.of(namespace, pod.name)),
      )
      if (isSelected || selectsNameless) add(namespace, pod.name, policies)
    }
  }
  if (input.defaults.failure !== undefined || input.defaults.mode === 'protect') add('*', '*', [])
  return [...rules.values()].sort(compareAttachRules)
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

function attachRule(
  input: AttachInput,
  namespace: string,
  pod: string,
  labels: Labels,
  policies: readonly PolicyObject[],
): AttachRule {
  const selecting = policies.filter(({ podSelector }) => selects(podSelector, labels))
  const mode = effectiveMode(selecting, input.defaults)
  const failure = effectiveFailure(selecting, mode, input.defaults)
  return { namespace, pod, labels: { ...labels }, mode, failure }
}
