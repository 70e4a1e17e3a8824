/** A flow of the judge as people and programs see it. */
import type { FlowView } from '../core/api/flow.js'
import type { ClosedEvent } from '../core/inspect/contract.js'
import type { Flow } from './judge/flow.js'
import type { Ruling } from './judge/ruling.js'

export interface Ending {
  readonly how: FlowView['how']
  readonly counts: ClosedEvent['counts'] | null
  readonly atMs: number
}

/** A flow that ended, kept as the judge left it: few are ever asked about. */
export interface EndedFlow {
  readonly flow: Flow
  /** The name that the peer had. */
  readonly peer: string | null
  readonly ending: Ending
}

export const viewEnded = ({ flow, peer, ending }: EndedFlow): FlowView =>
  viewFlow(flow, () => peer, ending)

/** Of the end that is not the pod. */
export function peerAddress({ podSide, tuple }: Flow): string {
  return podSide === 'opener' ? tuple.destination : tuple.source
}

function decisionOf(ruling: Ruling): FlowView['decision'] {
  const { verdict, policy, rule, reason, generation } = ruling
  return { verdict, policy, rule, reason, generation }
}

export function viewFlow(
  flow: Flow,
  peerName: (address: string) => string | null,
  ending: Ending | null,
): FlowView {
  const { endpoint, tuple, ruling } = flow
  const outward = flow.podSide === 'opener'
  const address = peerAddress(flow)
  return {
    flow: flow.id,
    endpoint: endpoint.id,
    namespace: endpoint.namespace,
    pod: endpoint.pod,
    ifName: endpoint.ifName,
    direction: outward ? 'egress' : 'ingress',
    ...tuple,
    peer: { address, name: peerName(address) },
    app: flow.app,
    start: flow.start,
    mode: endpoint.mode,
    verdict: endpoint.enforced ? ruling.verdict : 'allow',
    would: endpoint.enforced ? (flow.staged?.verdict ?? null) : ruling.verdict,
    decision: decisionOf(ruling),
    fields: flow.fields,
    transactions: flow.transactions.map((transaction) => ({
      tx: transaction.tx,
      fields: transaction.fields,
      decision: decisionOf(transaction.ruling),
    })),
    transactionsTotal: flow.transactionsTotal,
    startedAt: new Date(flow.startedAtMs).toISOString(),
    endedAt: ending === null ? null : new Date(ending.atMs).toISOString(),
    how: ending?.how ?? null,
    counts: ending?.counts ?? null,
    runs: ending === null ? 'engine' : null,
    runsWhy: ending === null ? inEngine(flow) : '',
  }
}

/** As far as the judge knows: what is decided may have left meanwhile. */
function inEngine({ phase, endpoint, reading }: Flow): string {
  if (phase === 'denied') return 'denied'
  if (reading === null) return 'decided'
  if (endpoint.enforced && phase === 'judging') return 'rules ask what it carries'
  return `read, depth ${endpoint.depth}`
}
