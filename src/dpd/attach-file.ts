/** `attach.json`: what the plugin does with a new pod while this daemon is absent. */
import type { Failure, Mode } from '../core/endpoint.js'
import { type AttachInput, attachRules } from '../core/policy/attach-compile.js'
import { ATTACH_SCHEMA, type AttachFile, type AttachRule } from '../core/policy/attach-rules.js'

export interface PodMode {
  readonly namespace: string
  readonly pod: string
  readonly mode: Mode
}

/** `dpctl mode` goes before the policies; its pod's failure setting follows the mode. */
export function attachFile(
  input: AttachInput,
  overrides: readonly PodMode[],
  quarantined: readonly string[],
): AttachFile {
  const rules = attachRules(input)
  const overridden = overrides.map(({ namespace, pod, mode }): AttachRule => {
    const known = rules.find((rule) => rule.namespace === namespace && rule.pod === pod)
    const byMode: Failure = mode === 'protect' ? 'closed' : 'open'
    const failure = input.defaults.failure ?? byMode
    return { namespace, pod, labels: known?.labels ?? {}, mode, failure }
  })
  const others = rules.filter(
    (rule) => !overridden.some((o) => o.namespace === rule.namespace && o.pod === rule.pod),
  )
  return { schema: ATTACH_SCHEMA, rules: [...overridden, ...others], quarantined: [...quarantined] }
}
