import type { At, Dir, Fact } from '../../core/inspect/contract.js'
import type { Window } from './window.js'

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

const NONE: readonly never[] = Object.freeze([])

/** Gathers one turn's outcome; most say nothing. */
export class OutcomeDraft {
  #facts: AppFact[] | null = null
  #needs: Need[] | null = null
  #skips: Skip[] | null = null
  parserFault = false

  tell(app: string, fact: Fact): void {
    this.#facts ??= []
    this.#facts.push({ app, fact })
  }

  /** So many untaken octets before the next step; only what is more than the next octet is said. */
  want(window: Window, dir: Dir, octets: number): void {
    window.need = Math.max(1, octets)
    const further = octets - window.octets.length
    if (further <= 1 || window.ended) return
    this.#needs ??= []
    this.#needs.push({ dir, octets: further })
  }

  /** So many octets are nothing to the parser, delivered or not. */
  pass(window: Window, dir: Dir, octets: Skip['octets']): void {
    window.skip(octets)
    const rest = window.skipTo - window.end
    if (rest <= 0 || window.ended) return
    this.#skips ??= []
    this.#skips.push({ dir, from: window.end, octets: octets === 'toEnd' ? octets : rest })
  }

  finish(state: InspectionState, clause: string | null): Outcome {
    const facts = this.#facts ?? NONE
    const needs = this.#needs ?? NONE
    const skips = this.#skips ?? NONE
    if (clause === null && !this.parserFault) return { facts, needs, skips, state }
    return {
      ...{ facts, needs, skips, state },
      ...(clause === null ? {} : { clause }),
      ...(this.parserFault ? { parserFault: true as const } : {}),
    }
  }
}
