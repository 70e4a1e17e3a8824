/** Names and actions of the rule ids that no document states (`rule-id.ts`). */
import type { RuleInfo } from './compiled.js'
import type { Action } from './model.js'

function info(rule: string, action: Action): RuleInfo {
  return { policy: '', rule, direction: null, action, staged: false, file: null }
}

/** Index = RuleId. hold-limit and failure do what the endpoint's failure setting says. */
export const STATED_BY_NO_DOCUMENT: readonly RuleInfo[] = [
  info('none', 'allow'),
  info('default-deny', 'deny'),
  info('not-isolated', 'allow'),
  info('node', 'allow'),
  info('self', 'allow'),
  info('essential', 'allow'),
  info('quarantine', 'deny'),
  info('hold-limit', 'deny'),
  info('failure', 'deny'),
  info('malformed', 'deny'),
  info('midstream', 'deny'),
  info('not-ip', 'deny'),
]
