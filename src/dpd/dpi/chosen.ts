/** The parser of a flow at work: its state, and its transactions as the flow numbers them. */
import type {
  At,
  Dir,
  Fact,
  FlowView,
  Parser,
  Refusal,
  Step,
  TxId,
} from '../../core/inspect/contract.js'

/** A parser broke the contract. */
export class ParserFault extends Error {}

export class Chosen {
  readonly #state: unknown
  /** Each parser numbers its transactions from 0; in the flow they go on from here. */
  readonly #txBase: TxId
  #txNext: TxId

  constructor(
    readonly parser: Parser<unknown>,
    view: FlowView,
    txBase: TxId,
  ) {
    this.#state = parser.open(view)
    this.#txBase = txBase
    this.#txNext = txBase
  }

  /** Behind the last transaction that was told. */
  get txNext(): TxId {
    return this.#txNext
  }

  step(dir: Dir, octets: Uint8Array, at: At, ended: boolean): Step {
    return this.parser.step(this.#state, dir, octets, at, ended)
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
