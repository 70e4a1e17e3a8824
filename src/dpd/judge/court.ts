/** One generation's policy, the commands it leads to, and who is told. */
import type {
  Answer,
  At,
  Dir,
  EngineCommand,
  Resolved,
  RuleId,
} from '../../core/inspect/contract.js'
import { type Asks, type CompiledPolicy, NO_ASKS } from '../../core/policy/compiled.js'
import { evaluate, type Facts, teaches } from '../../core/policy/evaluate.js'
import { NO_PEER_NAMES, type PeerNames } from '../../core/policy/fqdn.js'
import type { NameBook } from '../../core/policy/name-book.js'
import { type Settlement, settles } from '../../core/policy/settlement.js'
import { type Flow, type Reading, type Standing, type Transaction, transportOf } from './flow.js'
import type { JudgeReport } from './report.js'
import { type Ruling, Rulings } from './ruling.js'

export class Court {
  readonly rulings: Rulings
  #commands: EngineCommand[] = []

  constructor(
    readonly policy: CompiledPolicy,
    readonly report: JudgeReport,
    readonly names: NameBook,
    private readonly nowMs: () => number,
  ) {
    this.rulings = new Rulings(policy)
  }

  evaluate(flow: Flow, facts: Facts): Ruling {
    const { policy } = this
    const verdict = evaluate(policy, flow.endpoint.id, flow.connection, facts, this.peerNames(flow))
    if (verdict.wouldStage !== null) flow.staged = this.rulings.of(verdict.wouldStage)
    return this.rulings.of(verdict)
  }

  /** As they stood when the flow began. A flow from the pod's peer was not asked for by name. */
  peerNames({ endpoint, podSide, tuple, startedAtMs }: Flow): PeerNames {
    if (podSide !== 'opener') return NO_PEER_NAMES
    return () => this.names.namesOf(endpoint.id, tuple.destination, this.nowMs() - startedAtMs)
  }

  /** Before the answer may pass: the pod's next packet may go to what it names. */
  learn(flow: Flow, resolved: () => Resolved | null): void {
    // Whoever is at a tunnel's other end can write a resolver's address into what it sends.
    if (flow.tuple.tunnel !== undefined) return
    if (!teaches(this.policy, flow.endpoint.id, flow.connection)) return
    const what = resolved()
    if (what !== null) this.names.learn(flow.endpoint.id, what)
  }

  /** What policy wants to know of a flow's transactions beyond their requests' plain fields. */
  asks({ endpoint, podSide }: Flow): Asks {
    const settings = this.policy.endpoint(endpoint.id)
    if (settings === null) return NO_ASKS
    return (podSide === 'receiver' ? settings.ingress : settings.egress).asks
  }

  evaluateTransaction(flow: Flow, transaction: Transaction): Ruling {
    const { app, complete } = transaction
    const { headers } = this.asks(flow)
    const isAsked = headers.length > 0 && app === 'http'
    const fields = isAsked ? transaction.withHeaders(headers) : transaction.judged
    return this.evaluate(flow, { app, tx: { app, fields, complete } })
  }

  /** Of the flow as a whole. It is asked for with every chunk of octets and seldom changes. */
  rule(flow: Flow, reading: Reading): Ruling {
    const { staged, ruling } = this.#standing(flow, reading)
    if (staged !== null) flow.staged = staged
    return ruling
  }

  /** The denial of the flow whichever of the apps it is; null = as one of them it is none. */
  denialAs(flow: Flow, apps: readonly string[]): Ruling | null {
    let denial: Ruling | null = null
    for (const app of apps) {
      const { endpoint, connection } = flow
      const { policy } = this
      const verdict = evaluate(policy, endpoint.id, connection, { app }, this.peerNames(flow))
      if (verdict.verdict !== 'deny') return null
      denial = this.rulings.of(verdict)
    }
    return denial
  }

  settlement(flow: Flow, reading: Reading, app: string): Settlement {
    const standing = this.#standing(flow, reading)
    standing.settlement ??= settles(
      this.policy,
      flow.endpoint.id,
      flow.connection,
      app,
      this.peerNames(flow),
    )
    return standing.settlement
  }

  #standing(flow: Flow, reading: Reading): Standing {
    const { app } = reading.inspection
    const { policy } = this
    const last = reading.standing
    if (last !== null && last.policy === policy && last.app === app) return last
    const names = this.peerNames(flow)
    const { endpoint, connection } = flow
    const verdict = evaluate(policy, endpoint.id, connection, { app }, names)
    const staged = verdict.wouldStage === null ? null : this.rulings.of(verdict.wouldStage)
    const ruling = this.rulings.of(verdict)
    reading.standing = { policy, app, ruling, staged, settlement: null }
    return reading.standing
  }

  /** What the engine does not evaluate: policies that only report. */
  hasStaged({ endpoint, podSide }: Flow): boolean {
    const settings = this.policy.endpoint(endpoint.id)
    if (settings === null) return false
    return (podSide === 'receiver' ? settings.ingress : settings.egress).staged !== null
  }

  takeCommands(): EngineCommand[] {
    const commands = this.#commands
    this.#commands = []
    return commands
  }

  need(flow: Flow, dir: Dir, octets: number): void {
    const { generation } = this.policy
    this.#commands.push({ cmd: 'need', flow: flow.id, generation, dir, octets })
  }

  skip(flow: Flow, dir: Dir, from: At, octets: number | 'toEnd'): void {
    const { generation } = this.policy
    this.#commands.push({ cmd: 'skip', flow: flow.id, generation, dir, from, octets })
  }

  /** Only forward: what is out is out. */
  release(flow: Flow, dir: Dir, upTo: At, rule: RuleId): void {
    const { reading } = flow
    if (!flow.endpoint.enforced || reading === null || upTo <= reading.released[dir]) return
    reading.released[dir] = upTo
    const { generation } = this.policy
    this.#commands.push({ cmd: 'release', flow: flow.id, generation, dir, upTo, rule })
  }

  settle(flow: Flow, ruling: Ruling): void {
    flow.phase = ruling.verdict === 'deny' && flow.endpoint.enforced ? 'denied' : 'settled'
    const verdict = flow.phase === 'denied' ? 'deny' : 'allow'
    const { generation } = this.policy
    this.#commands.push({ cmd: 'settle', flow: flow.id, generation, verdict, rule: ruling.id })
  }

  /** The end of a flow: what is held of it never leaves. */
  denyFlow(flow: Flow, from: At, ruling: Ruling, refusal: Uint8Array | null): void {
    const transport = transportOf(flow.tuple)
    const answer: Answer = refusal !== null ? { refusal } : transport === 'tcp' ? 'reset' : 'icmp'
    this.#deny(flow, from, ruling, answer, 'close')
    if (transport !== 'tcp') this.settle(flow, ruling)
    flow.phase = 'denied'
  }

  denyDatagram(flow: Flow, at: At, ruling: Ruling, refusal: Uint8Array | null): void {
    this.#deny(flow, at, ruling, refusal === null ? 'icmp' : { refusal }, 'continue')
    const released = flow.reading?.released
    if (released !== undefined) released.orig = Math.max(released.orig, at + 1)
  }

  #deny(flow: Flow, from: At, ruling: Ruling, answer: Answer, then: 'close' | 'continue'): void {
    const to = { flow: flow.id, generation: this.policy.generation }
    this.#commands.push({ cmd: 'deny', ...to, dir: 'orig', from, rule: ruling.id, answer, then })
  }
}
