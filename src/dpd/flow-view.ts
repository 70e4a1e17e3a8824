/** A flow of the judge as people and programs see it. */
import type { FlowView } from '../core/api/flow.js'
import type { EventFlow } from '../core/events/eve.js'
import type { EndedFlow, Ending } from './ended-flow.js'
import type { Flow, Transaction } from './judge/flow.js'
import type { Ruling } from './judge/ruling.js'

/** Live or ended. */
type Viewed = Pick<Flow, Exclude<keyof Flow & keyof EndedFlow, 'transactions'>> & {
  readonly transactions: readonly Pick<Transaction, 'tx' | 'fields' | 'ruling'>[]
}

export const viewEnded = (ended: EndedFlow): FlowView => view(ended, () => ended.peer, ended.ending)

/** Of the end that is not the pod. */
export function peerAddress({ podSide, tuple }: Pick<Flow, 'podSide' | 'tuple'>): string {
  return podSide === 'opener' ? tuple.destination : tuple.source
}

export function eventFlow(flow: Flow, peerName: string | null): EventFlow {
  const { id, tuple, app, endpoint } = flow
  const direction = directionOf(flow)
  return { flow: id, tuple, app, endpoint, direction, peer: peerName ?? peerAddress(flow) }
}

const directionOf = ({ podSide }: Pick<Flow, 'podSide'>): FlowView['direction'] =>
  podSide === 'opener' ? 'egress' : 'ingress'

function decisionOf(ruling: Ruling): FlowView['decision'] {
  const { verdict, policy, rule, reason, generation } = ruling
  return { verdict, policy, rule, reason, generation }
}

export function viewFlow(flow: Flow, peerName: (address: string) => string | null): FlowView {
  return { ...view(flow, peerName, null), runs: 'engine', runsWhy: inEngine(flow) }
}

function view(
  flow: Viewed,
  peerName: (address: string) => string | null,
  ending: Ending | null,
): FlowView {
  const { endpoint, tuple, ruling } = flow
  const address = peerAddress(flow)
  return {
    flow: flow.id,
    endpoint: endpoint.id,
    namespace: endpoint.namespace,
    pod: endpoint.pod,
    ifName: endpoint.ifName,
    direction: directionOf(flow),
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
    runs: null,
    runsWhy: '',
  }
}

/** As far as the judge knows: what is decided may have left meanwhile. */
function inEngine({ phase, endpoint, reading, atRest }: Flow): string {
  if (phase === 'denied') return 'denied'
  if (reading === null && atRest === null) return 'decided'
  if (endpoint.enforced && phase === 'judging') return 'rules ask what it carries'
  return `read, depth ${endpoint.depth}`
}
