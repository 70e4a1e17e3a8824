import type { At, Dir, Fact } from '../../core/inspect/contract.js'

export interface AppFact {
  /** The innermost app at that moment. */
  readonly app: string
  readonly fact: Fact
}

export interface Need {
  readonly dir: Dir
  /** Further octets, beyond those delivered, without which no step is worth a call. */
  readonly octets: number
}

/** Undelivered octets that no parser wants. */
export interface Skip {
  readonly dir: Dir
  readonly from: At
  readonly octets: number | 'toEnd'
}

export type InspectionState = 'probing' | 'parsing' | 'unknown' | 'malformed' | 'done'

export interface Outcome {
  /**
   * Wire order. A transaction's request fact has dir 'orig' and says all that policy may ask for; the
   * reply's fact has dir 'reply' and the same tx. `txEnd.end` counts in the reply direction.
   */
  readonly facts: readonly AppFact[]
  readonly needs: readonly Need[]
  readonly skips: readonly Skip[]
  readonly state: InspectionState
  /** Of state 'malformed'. */
  readonly clause?: string
  /** A parser threw or broke the contract: to be counted. */
  readonly parserFault?: true
}

/** Gathers one turn's outcome. */
export class OutcomeDraft {
  readonly facts: AppFact[] = []
  readonly needs: Need[] = []
  readonly skips: Skip[] = []
  parserFault = false

  finish(state: InspectionState, clause: string | null): Outcome {
    const { facts, needs, skips } = this
    return {
      facts,
      needs,
      skips,
      state,
      ...(clause === null ? {} : { clause }),
      ...(this.parserFault ? { parserFault: true as const } : {}),
    }
  }
}
