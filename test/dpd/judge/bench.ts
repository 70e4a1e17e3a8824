/** A judge with a real policy and real parsers, and an engine that is a list. */

import type { Mode } from '../../../src/core/endpoint.js'
import type {
  Answer,
  ClosedEvent,
  Dir,
  EngineCommand,
  FiveTuple,
  OpenedEvent,
  Parser,
} from '../../../src/core/inspect/contract.js'
import { type CompileInput, compile } from '../../../src/core/policy/compile.js'
import type { CompiledPolicy } from '../../../src/core/policy/compiled.js'
import { EMPTY_DIRECTORY } from '../../../src/core/policy/endpoints-directory.js'
import { loadPolicySet } from '../../../src/core/policy/load.js'
import type { NameBook } from '../../../src/core/policy/name-book.js'
import { registry } from '../../../src/dpd/dpi/registry.js'
import type { Flow, JudgedEndpoint, Transaction } from '../../../src/dpd/judge/flow.js'
import { Judge } from '../../../src/dpd/judge/judge.js'
import type { Ruling } from '../../../src/dpd/judge/ruling.js'

export const POD = 7
export const POD_ADDRESSES = { v4: '10.1.0.7', v6: 'fd00::7' }
const NO_COUNTS = { packets: { orig: 1, reply: 1 }, octets: { orig: 60, reply: 60 } }

/** The rules of one policy on pod default/web, podIngress. */
export function ingressPolicy(rules: string, mode: Mode = 'protect'): string {
  return `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: web, namespace: default }
spec:
  podSelector: {}
  mode: ${mode}
  ingress:
${rules.replace(/^/gm, '    ')}
`
}

export function compiled(
  text: string,
  generation: number,
  more: Partial<CompileInput> = {},
): CompiledPolicy {
  const load = loadPolicySet(text === '' ? [] : [{ path: 'p.yaml', text }])
  if (!load.ok) throw new Error(load.errors.map((e) => `${e.line}: ${e.message}`).join('\n'))
  return compile({
    set: load.set,
    generation,
    defaults: { mode: 'discover' },
    nodeAddresses: [],
    nodeTraffic: 'allow',
    directory: EMPTY_DIRECTORY,
    endpoints: [
      { id: POD, namespace: 'default', pod: 'web', addresses: Object.values(POD_ADDRESSES) },
    ],
    ...more,
  })
}

export interface Told {
  readonly denied: { rule: string; reason: string; fields: object }[]
  readonly transactions: { verdict: string; fields: object }[]
  readonly malformed: string[]
  readonly closed: number[]
  readonly spoofed: string[]
}

export class Bench {
  readonly told: Told = { denied: [], transactions: [], malformed: [], closed: [], spoofed: [] }
  readonly judge: Judge
  #next = 100

  constructor(
    text: string,
    readonly endpoint: Partial<JudgedEndpoint> = {},
    readonly generation = 1,
    flowsMax = 1000,
    parsers: readonly Parser<unknown>[] = registry,
    given: {
      readonly names?: NameBook
      readonly input?: Partial<CompileInput>
      readonly nowMs?: () => number
      readonly recentFlowsMax?: number
    } = {},
  ) {
    this.judge = new Judge({
      policy: compiled(text, generation, given.input),
      ...(given.names === undefined ? {} : { names: given.names }),
      ...(given.recentFlowsMax === undefined ? {} : { recentFlowsMax: given.recentFlowsMax }),
      parsers,
      nowMs: given.nowMs ?? (() => 0),
      flowsMax,
      report: {
        opened: () => undefined,
        judged: () => undefined,
        denied: (_flow: Flow, { rule, reason }: Ruling, tx: Transaction | null) =>
          this.told.denied.push({ rule, reason, fields: tx?.fields ?? {} }),
        transaction: (_flow: Flow, { ruling, fields }: Transaction) =>
          this.told.transactions.push({ verdict: ruling.verdict, fields }),
        closed: (flow: Flow) => this.told.closed.push(flow.id),
        malformed: (_flow: Flow, clause: string) => this.told.malformed.push(clause),
        spoofed: ({ pod }: JudgedEndpoint, { what, frames }) =>
          this.told.spoofed.push(`${pod} ${what} ${frames}`),
        lost: () => undefined,
      },
    })
    this.judge.setEndpoint({
      id: POD,
      namespace: 'default',
      pod: 'web',
      ifName: 'eth0',
      mode: 'protect',
      failure: 'closed',
      enforced: true,
      depth: 'rules',
      ...endpoint,
    })
  }

  /** A flow to the pod; `l4` as the engine would say. */
  open(tuple: Partial<FiveTuple>, more: Partial<OpenedEvent> = {}): number {
    const flow = this.#next++
    this.commandsAtOpening = this.judge.handle([
      {
        ev: 'opened',
        flow,
        endpoint: POD,
        podSide: 'receiver',
        start: tuple.protocol === 17 ? 'datagram' : 'syn',
        l4: 'undecided',
        rule: 0,
        generation: this.generation,
        tuple: {
          protocol: 6,
          source: '10.2.0.1',
          sourcePort: 40000,
          destination: POD_ADDRESSES.v4,
          destinationPort: 80,
          vlan: 0,
          ...tuple,
        },
        ...more,
      },
    ])
    return flow
  }

  commandsAtOpening: EngineCommand[] = []

  octets(flow: number, dir: Dir, at: number, text: string | Uint8Array, ended = false) {
    const octets = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
    const held = this.endpoint.enforced ?? true
    return this.judge.handle([
      { ev: 'octets', flow, endpoint: POD, dir, at, octets: new Uint8Array(octets), ended, held },
    ])
  }

  close(flow: number, how: ClosedEvent['how'] = 'fin'): EngineCommand[] {
    return this.judge.handle([{ ev: 'closed', flow, endpoint: POD, how, counts: NO_COUNTS }])
  }

  /** A policy, and every live flow judged by it. */
  enforce(policy: CompiledPolicy, flowsAtOnce = 2): EngineCommand[] {
    this.judge.setPolicy(policy)
    const commands: EngineCommand[] = []
    for (;;) {
      const some = this.judge.rejudgeSome(flowsAtOnce)
      commands.push(...some.commands)
      if (some.done) return commands
    }
  }

  ruling(flow: number): Ruling {
    const found = this.judge.flow(flow)
    if (found === undefined) throw new Error(`no flow ${flow}`)
    return found.ruling
  }
}

/** Commands without what all have; `then` as `next`, a refusal as its first line. */
export function brief(commands: readonly EngineCommand[]): object[] {
  return commands.map((command) => {
    const shown = Object.entries(command).filter(
      ([name]) => !['flow', 'generation', 'rule'].includes(name),
    )
    return Object.fromEntries(
      shown.map(([name, value]) => [
        name === 'then' ? 'next' : name,
        name === 'answer' ? answerText(value) : value,
      ]),
    )
  })
}

function answerText(answer: Answer): string {
  if (typeof answer === 'string') return answer
  return Buffer.from(answer.refusal).toString('latin1').split('\r\n', 1)[0] ?? ''
}
