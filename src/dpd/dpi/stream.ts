/** One flow through the parsers: octets in, facts and wishes out. Pure; the judge and the replay drive it. */
import type {
  At,
  Dir,
  Fact,
  FlowView,
  Next,
  Parser,
  Refusal,
  Step,
  TxId,
} from '../../core/inspect/contract.js'
import { Chosen, ParserFault } from './chosen.js'
import { type Datagram, DatagramQueue } from './datagrams.js'
import { type InspectionState, type Outcome, OutcomeDraft } from './outcome.js'
import { type Heads, parsersFor, probe } from './probe.js'
import type { SavedInspection } from './saved-inspection.js'
import type { Window } from './window.js'
import { otherDir, Windows } from './windows.js'

export type { AppFact, InspectionState, Need, Outcome, Skip } from './outcome.js'

/** Protocols within protocols of one flow: CONNECT, Upgrade, STARTTLS nest no deeper in earnest. */
const SWITCHES = 8

const NOTHING_SAID = new OutcomeDraft()

export class Inspection {
  readonly #view: FlowView
  readonly #parsers: readonly Parser<unknown>[]
  #windows = new Windows()
  /** Of UDP, while it is probed. */
  #datagrams: DatagramQueue | null = null
  #chosen: Chosen | null = null
  #state: InspectionState = 'probing'
  #app: string | null = null
  #clause: string | null = null
  #greets: string | null = null
  #switches = 0
  /** What the next parser's transactions begin with. */
  #txBase: TxId = 0
  #draft = NOTHING_SAID

  constructor(view: FlowView, parsers: readonly Parser<unknown>[]) {
    this.#view = view
    this.#parsers = parsersFor(view.transport, parsers)
  }

  static restore(
    view: FlowView,
    parsers: readonly Parser<unknown>[],
    saved: SavedInspection,
  ): Inspection {
    const [orig, reply, txBase, switches, place, chosen] = saved
    const inspection = new Inspection(view, parsers)
    inspection.#windows = Windows.restore([orig, reply])
    inspection.#txBase = txBase
    inspection.#switches = switches
    const parser = inspection.#parsers[place]
    if (parser === undefined || chosen === null) return inspection
    inspection.#app = parser.app
    inspection.#state = 'parsing'
    try {
      inspection.#chosen = Chosen.restore(parser, chosen)
    } catch {
      inspection.#fail('parser fault: restore')
    }
    return inspection
  }

  /** null = a message is under way, or the parser can't. */
  save(): SavedInspection | null {
    if (this.#isOver || this.#datagrams !== null) return null
    const windows = this.#windows.save()
    if (windows === null) return null
    if (this.#chosen === null) return [...windows, this.#txBase, this.#switches, -1, null]
    const chosen = this.#chosen.save()
    if (chosen === null) return null
    const place = this.#parsers.indexOf(this.#chosen.parser)
    return [...windows, this.#txBase, this.#switches, place, chosen]
  }

  /** null until identified; 'unknown' when no parser is left. */
  get app(): string | null {
    return this.#app
  }

  get state(): InspectionState {
    return this.#state
  }

  /** While it is probed: the app that it is if the opener answers the greeting as that app's clients do. */
  get greets(): string | null {
    return this.#state === 'probing' ? this.#greets : null
  }

  /** Octets (UDP: datagrams) before it belong to transactions whose facts are out: all that a judge may release. */
  covered(dir: Dir): At {
    if (this.#state === 'done' || this.#state === 'unknown') return Number.MAX_SAFE_INTEGER
    return this.#windows.of(dir).covered
  }

  octets(dir: Dir, at: At, bytes: Uint8Array, ended: boolean): Outcome {
    if (this.#isOver) return NOTHING_SAID.finish(this.#state, this.#clause)
    this.#draft = new OutcomeDraft()
    try {
      if (this.#view.transport === 'udp') this.#datagram({ dir, at, octets: bytes })
      else this.#stream(dir, at, bytes, ended)
    } catch (error) {
      this.#blame(error)
    }
    return this.#finish()
  }

  gap(dir: Dir, at: At, octets: number): Outcome {
    if (this.#isOver) return NOTHING_SAID.finish(this.#state, this.#clause)
    this.#draft = new OutcomeDraft()
    try {
      this.#lose(dir, at, octets)
      this.#run(dir)
    } catch (error) {
      this.#blame(error)
    }
    return this.#finish()
  }

  /** The protocol's own answer to a denied transaction; null = none fits at this point: reset. */
  refusal(tx: TxId): Refusal | null {
    if (this.#chosen === null) return null
    const reply = this.#windows.reply
    // Octets put into the middle of a message would be read as a part of it.
    const midMessage = reply.octets.length > 0 || reply.skipTo > reply.end
    if (this.#view.transport === 'tcp' && midMessage) return null
    return this.#chosen.refusal(tx)
  }

  get #isOver(): boolean {
    return this.#state !== 'probing' && this.#state !== 'parsing'
  }

  #blame(error: unknown): void {
    this.#draft.parserFault = true
    this.#fail(error instanceof ParserFault ? error.message : 'parser fault: exception')
  }

  #finish(): Outcome {
    this.#windows.keep()
    const outcome = this.#draft.finish(this.#state, this.#clause)
    // What was said, and the octets that it is about, are not the flow's to keep.
    this.#draft = NOTHING_SAID
    return outcome
  }

  #stream(dir: Dir, at: At, octets: Uint8Array, ended: boolean): void {
    const window = this.#windows.of(dir)
    const missing = window.missingBefore(at)
    if (missing > 0) this.#lose(dir, at - missing, missing)
    window.append(at, octets)
    window.ended ||= ended
    this.#run(dir)
    this.#bound(window)
  }

  #lose(dir: Dir, at: At, octets: number): void {
    const window = this.#windows.of(dir)
    const after = at + octets
    if (after <= window.end) return
    const from = Math.max(at, window.skipTo)
    window.restart(after)
    if (after <= from || this.#chosen === null) return
    const step = this.#chosen.gap(dir, from, after - from)
    this.#apply(this.#chosen, dir, { ...step, take: 0 })
  }

  #run(dir: Dir): void {
    while (this.#state === 'probing' || this.#state === 'parsing') {
      if (this.#state === 'probing') {
        if (this.#windows.areEmpty || !this.#identify(this.#windows.heads, dir)) return
      } else {
        // What the other direction still holds came earlier.
        if (!this.#stepOnce(otherDir(dir)) && !this.#stepOnce(dir)) return
      }
    }
  }

  /** True when the probing is over. */
  #identify(heads: Heads, grown: Dir | null): boolean {
    const { orig, reply } = this.#windows
    const answer = probe(this.#parsers, heads, { orig: orig.ended, reply: reply.ended }, grown)
    if (answer.kind === 'yes') {
      this.#choose(answer.parser)
      return true
    }
    this.#draft.parserFault ||= answer.threw
    this.#greets = answer.kind === 'more' ? answer.greets : null
    if (answer.kind === 'none') this.#giveUp()
    return answer.kind === 'none'
  }

  #choose(parser: Parser<unknown>): void {
    this.#app = parser.app
    this.#state = 'parsing'
    this.#chosen = Chosen.open(parser, this.#view, this.#txBase)
  }

  #giveUp(): void {
    this.#app = 'unknown'
    this.#state = 'unknown'
    this.#forget()
  }

  #fail(clause: string): void {
    this.#clause = clause
    this.#state = 'malformed'
  }

  #forget(): void {
    this.#windows.forget()
    this.#datagrams = null
  }

  /** True when another step may follow at once. */
  #stepOnce(dir: Dir): boolean {
    const window = this.#windows.of(dir)
    if (this.#chosen === null || this.#state !== 'parsing') return false
    if (!window.ready(this.#windows.of(otherDir(dir)).progress)) return false
    return this.#apply(this.#chosen, dir, this.#chosen.stepIn(window, dir))
  }

  #apply(chosen: Chosen, dir: Dir, step: Step): boolean {
    const window = this.#windows.of(dir)
    if (!Number.isInteger(step.take) || step.take < 0 || step.take > window.octets.length) {
      throw new ParserFault('parser fault: took octets that it was not given')
    }
    const before = window.base
    window.take(step.take)
    window.need = 1
    this.#tell(chosen, step.facts)
    if (step.take > 0 || step.facts.length > 0) window.progress++
    this.#obey(dir, step.next)
    if (this.#state !== 'parsing') return this.#state === 'probing'
    if (step.next.kind === 'switch' || step.next.kind === 'await') return true
    const moved = window.base > before
    if (!moved && window.ready(0)) throw new ParserFault('parser fault: no progress')
    return moved
  }

  #tell(chosen: Chosen, facts: readonly Fact[]): void {
    for (const fact of facts) this.#draft.tell(chosen.parser.app, chosen.inFlow(fact))
  }

  #obey(dir: Dir, next: Next): void {
    const window = this.#windows.of(dir)
    if (next.kind === 'need') this.#draft.want(window, dir, next.octets)
    else if (next.kind === 'skip') this.#draft.pass(window, dir, next.octets)
    else if (next.kind === 'await') window.restingSince = this.#windows.of(otherDir(dir)).progress
    else if (next.kind === 'switch') this.#switch(next.app, next.from)
    else if (next.kind === 'malformed') this.#fail(next.clause)
    else {
      this.#state = 'done'
      this.#forget()
    }
    this.#bound(window)
  }

  /** A direction that wants or holds more than its window is malformed. */
  #bound(window: Window): void {
    const limit = this.#chosen?.parser.limits.windowOctets ?? Number.POSITIVE_INFINITY
    if (this.#state !== 'parsing' || Math.max(window.need, window.restingOctets) <= limit) return
    this.#fail(`window of ${limit} octets exceeded`)
  }

  #switch(app: string | null, from: Readonly<Record<Dir, At>>): void {
    if (++this.#switches > SWITCHES) {
      this.#fail(`more than ${SWITCHES} protocols nested in one flow`)
      return
    }
    this.#windows.handOver(from)
    this.#txBase = this.#chosen?.txNext ?? this.#txBase
    this.#chosen = null
    this.#app = null
    this.#state = 'probing'
    if (app === null) return
    const parser = this.#parsers.find((candidate) => candidate.app === app)
    if (parser === undefined) this.#giveUp()
    else this.#choose(parser)
  }

  #datagram(datagram: Datagram): void {
    if (this.#state === 'parsing') {
      this.#stepDatagram(datagram)
      return
    }
    const held = this.#datagrams ?? new DatagramQueue()
    if (this.#identify(held.headsWith(datagram), null)) {
      for (const earlier of held.drain()) this.#stepDatagram(earlier)
      this.#stepDatagram(datagram)
      this.#datagrams = null
      return
    }
    held.push(datagram)
    this.#datagrams = held
    if (held.isFull) this.#giveUp()
  }

  #stepDatagram({ dir, at, octets }: Datagram): void {
    if (this.#chosen === null || this.#state !== 'parsing') return
    const step = this.#chosen.step(dir, octets, at, false)
    // Held back are this one and all from the first that was not taken.
    if (step.take > 0) this.#windows.of(dir).restart(at + 1)
    this.#tell(this.#chosen, step.facts)
    if (step.next.kind === 'malformed') this.#fail(step.next.clause)
    if (step.next.kind === 'done') this.#state = 'done'
  }
}
