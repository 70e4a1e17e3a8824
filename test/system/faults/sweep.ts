/** Counts the points of a run, and lets one of them fail. */
import { CALL_FAULTS, type Fault } from './call-faults.js'
import type { Run, Trap } from './points.js'
import { messagesOf, type Refusal, refusalsOf, refuse } from './refusals.js'

export interface Point {
  /** `bpf.mapUpdate`, `RTM_NEWLINK`. */
  readonly kind: string
  readonly faults: readonly Fault[]
}

const OCTETS = 1

/** Calls that the table does not know: nothing of theirs was tried, which is a fault of the test. */
export const untriedKinds = new Set<string>()

function asFault(refusal: Refusal, at: number): Fault {
  const { code, when, why } = refusal
  const inject = (_kind: string, args: readonly unknown[], run: Run) => {
    const [fd, batch, timeoutMs] = args
    return refuse(batch as Uint8Array, at, refusal, (octets) => {
      return run(fd, octets, timeoutMs) as Uint8Array
    })
  }
  return { text: `${when} ${code}`, when, why, inject }
}

/** The call, and each message of a batch. */
function pointsOf(kind: string, args: readonly unknown[]): Point[] {
  const faults = CALL_FAULTS[kind]
  if (faults === undefined) {
    untriedKinds.add(kind)
    return []
  }
  if (kind !== 'netlinkRequest') return [{ kind, faults }]
  const messages = messagesOf(args[OCTETS] as Uint8Array)
  return [
    { kind, faults },
    ...messages.map((message, at) => ({
      kind: message.kind,
      faults: refusalsOf(message).map((refusal) => asFault(refusal, at)),
    })),
  ]
}

/** Which of a point's faults are tried: all, or one, by turns before and after the call, by the seed. */
export type Choice = (point: Point, number: number) => readonly Fault[]

export const everyFault: Choice = ({ faults }) => faults

export function oneOfEach(seed: number): Choice {
  return ({ faults }, number) => {
    const both = (['before', 'after'] as const).flatMap((when) => {
      const some = faults.filter((fault) => fault.when === when)
      return some[(seed + number) % some.length] ?? []
    })
    const one = both[(seed + number) % both.length]
    return one === undefined ? [] : [one]
  }
}

/** One run, in which the `turn`-th chosen fault of the `at`-th point is injected. */
export class Injection {
  readonly kinds: string[] = []
  hit: { readonly kind: string; readonly fault: Fault; readonly turns: number } | null = null

  constructor(
    private readonly at: number,
    private readonly turn: number,
    private readonly choose: Choice,
  ) {}

  readonly trap: Trap = (kind, args, run) => {
    for (const point of pointsOf(kind, args)) {
      this.kinds.push(point.kind)
      if (this.kinds.length !== this.at) continue
      const chosen = this.choose(point, this.at)
      const fault = chosen[this.turn]
      if (fault === undefined) continue
      this.hit = { kind: point.kind, fault, turns: chosen.length }
    }
    const { hit } = this
    const isNow = hit !== null && !this.#isDone
    if (!isNow) return run()
    this.#isDone = true
    return hit.fault.inject(kind, args, run)
  }
  #isDone = false

  /** Names the case once it has run. */
  toString(): string {
    return this.hit === null
      ? `without point ${this.at}`
      : `${this.at} ${this.hit.kind} ${this.hit.fault.text}`
  }
}

/** How many of the first list's points are not the second's as well, at the same distance from the end. */
export function ownPoints(first: readonly string[], second: readonly string[]): number {
  let same = 0
  while (same < first.length && first.at(-1 - same) === second.at(-1 - same)) same++
  return first.length - same
}
