/** A verdict with the words that operators read; one object is shared by all that it rules. */
import type { Decision as DecisionView } from '../../core/api/flow.js'
import type { RuleId } from '../../core/inspect/contract.js'
import { ruleInfo } from '../../core/policy/compile.js'
import type { CompiledPolicy, RuleInfo } from '../../core/policy/compiled.js'
import type { Decision } from '../../core/policy/evaluate.js'
import { FIRST_POLICY_RULE } from '../../core/policy/rule-id.js'

export interface Ruling extends DecisionView {
  readonly id: RuleId
}

/** `namespace/policy/rule`; a rule without a name is its place, `ingress[0]`. */
export function ruleText(info: RuleInfo): string {
  if (info.policy === '') return info.rule
  const place = /^\d+$/.test(info.rule) ? `${info.direction ?? 'rule'}[${info.rule}]` : info.rule
  return `${info.policy}/${place}`
}

export function undecided(needs: 'app' | 'tx' | null, generation: number): Ruling {
  return {
    verdict: 'undecided',
    id: 0,
    policy: null,
    rule: '-',
    reason: needs === 'tx' ? 'needs-transaction' : 'needs-app',
    generation,
  }
}

const VERDICTS: readonly Decision['verdict'][] = ['allow', 'deny', 'undecided']
const NEEDS: readonly Decision['needs'][] = [null, 'app', 'tx']

/** Rulings of one generation, one object per (rule, verdict). */
export class Rulings {
  readonly #known = new Map<number, Ruling>()

  constructor(readonly compiled: CompiledPolicy) {}

  of(decision: Pick<Decision, 'verdict' | 'rule' | 'needs'>): Ruling {
    const { verdict, rule, needs } = decision
    const key =
      (rule * VERDICTS.length + VERDICTS.indexOf(verdict)) * NEEDS.length + NEEDS.indexOf(needs)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const ruling = this.#make(verdict, rule, needs)
    this.#known.set(key, ruling)
    return ruling
  }

  by(rule: RuleId, verdict: 'allow' | 'deny'): Ruling {
    return this.of({ rule, verdict, needs: null })
  }

  #make(verdict: Decision['verdict'], rule: RuleId, needs: Decision['needs']): Ruling {
    const { generation } = this.compiled
    if (verdict === 'undecided') return undecided(needs, generation)
    const info = ruleInfo(this.compiled, rule)
    const stated = rule >= FIRST_POLICY_RULE
    return {
      verdict,
      id: rule,
      policy: stated ? (info?.policy ?? null) : null,
      rule: info === null ? `rule ${rule}` : ruleText(info),
      reason: stated ? `${verdict}-rule` : (info?.rule ?? 'unknown-rule'),
      generation,
    }
  }
}
