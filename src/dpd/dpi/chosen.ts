/** The parser of a flow at work: its state, and its transactions as the flow numbers them. */
import type {
  At,
  Dir,
  Fact,
  FlowView,
  Parser,
  Refusal,
  Saved,
  Step,
  TxId,
} from '../../core/inspect/contract.js'
import type { Window } from './window.js'

/** A parser broke the contract. */
export class ParserFault extends Error {}

export type SavedChosen = readonly [txBase: TxId, txNext: TxId, state: Saved]

export class Chosen {
  readonly #state: unknown
  /** Each parser numbers its transactions from 0; in the flow they go on from here. */
  readonly #txBase: TxId
  #txNext: TxId

  private constructor(
    readonly parser: Parser<unknown>,
    state: unknown,
    txBase: TxId,
    txNext: TxId,
  ) {
    this.#state = state
    this.#txBase = txBase
    this.#txNext = txNext
  }

  static open(parser: Parser<unknown>, view: FlowView, txBase: TxId): Chosen {
    return new Chosen(parser, parser.open(view), txBase, txBase)
  }

  static restore(parser: Parser<unknown>, [txBase, txNext, state]: SavedChosen): Chosen {
    return new Chosen(parser, parser.rest?.restore(state), txBase, txNext)
  }

  /** null = its state can't be told in so few words. A parser that throws is none that can. */
  save(): SavedChosen | null {
    try {
      const state = this.parser.rest?.save(this.#state) ?? null
      return state === null ? null : [this.#txBase, this.#txNext, state]
    } catch {
      return null
    }
  }

  /** Behind the last transaction that was told. */
  get txNext(): TxId {
    return this.#txNext
  }

  step(dir: Dir, octets: Uint8Array, at: At, ended: boolean): Step {
    return this.parser.step(this.#state, dir, octets, at, ended)
  }

  /** Never more than the window, so that facts do not depend on how many octets came at once. */
  stepIn(window: Window, dir: Dir): Step {
    const { windowOctets } = this.parser.limits
    const whole = window.octets
    const input = whole.length <= windowOctets ? whole : whole.subarray(0, windowOctets)
    const ended = window.ended && input.length === whole.length
    window.restingSince = null
    const step = this.step(dir, input, window.base, ended)
    window.endTold = ended && step.take === 0
    return step
  }

  gap(dir: Dir, at: At, octets: number): Step {
    return this.parser.gap(this.#state, dir, at, octets)
  }

  inFlow(fact: Fact): Fact {
    if (fact.kind === 'flow') return fact
    const tx = fact.tx + this.#txBase
    this.#txNext = Math.max(this.#txNext, tx + 1)
    return this.#txBase === 0 ? fact : { ...fact, tx }
  }

  /** A parser that throws has none. */
  refusal(tx: TxId): Refusal | null {
    if (tx < this.#txBase) return null
    try {
      return this.parser.refusal?.(this.#state, tx - this.#txBase) ?? null
    } catch {
      return null
    }
  }
}
