/**
 * A new policy in a shard's judge: its live flows are judged by it some at a time, between the batches
 * of events, so that no verdict waits for all of them.
 */
import type { EngineCommand } from '../../core/inspect/contract.js'
import type { CompiledPolicy } from '../../core/policy/compiled.js'
import type { Judge } from '../judge/judge.js'

/** Of an event's way to its verdict: little beside the second for which octets are held. */
const TURN_MS = 10
/** Between two looks at the clock: a hundred denials take some 3 ms. */
const FLOWS_PER_STEP = 100

export interface RejudgingParts {
  readonly judge: Pick<Judge, 'setPolicy' | 'rejudgeSome'>
  readonly rings: {
    send(commands: readonly EngineCommand[]): void
    /** Commands wait for room. */
    readonly isBehind: boolean
  }
  readonly monotonicMs: () => number
  /** Calls back once, when events and orders have had their turn. */
  readonly soon: (turn: () => void) => void
}

export class Rejudging {
  #waiting: (() => void)[] = []

  constructor(private readonly parts: RejudgingParts) {}

  /** `onDone`: every live flow is judged by it, or by one that came after it, and the engine is told. */
  begin(policy: CompiledPolicy, onDone: () => void): void {
    this.parts.judge.setPolicy(policy)
    this.#waiting.push(onDone)
    if (this.#waiting.length === 1) this.#turn()
  }

  #turn(): void {
    const { judge, rings, monotonicMs, soon } = this.parts
    const endMs = monotonicMs() + TURN_MS
    while (!rings.isBehind) {
      const { commands, done } = judge.rejudgeSome(FLOWS_PER_STEP)
      rings.send(commands)
      if (done && !rings.isBehind) {
        this.#end()
        return
      }
      if (monotonicMs() >= endMs) break
    }
    soon(() => this.#turn())
  }

  #end(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const onDone of waiting) onDone()
  }
}
