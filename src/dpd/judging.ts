/** What becomes of a shard's events: the judge, what it reports to, and who the peers are. */
import type { CompiledPolicy } from '../core/policy/compiled.js'
import type { NameBook } from '../core/policy/name-book.js'
import { registry } from './dpi/registry.js'
import { viewFlow } from './flow-view.js'
import { FlowBook } from './flows.js'
import { Judge } from './judge/judge.js'
import type { Peers } from './peers.js'
import { Reporter } from './reporter.js'
import type { Outbox } from './shards/outbox.js'

export interface JudgingParts {
  readonly policy: CompiledPolicy
  readonly peers: Peers
  readonly outbox: Outbox
  readonly names: NameBook
  readonly endedFlowsKept: number
  readonly nowMs: () => number
}

export function openJudging(given: JudgingParts) {
  const { policy, nowMs, outbox, names, endedFlowsKept, ...parts } = given
  const peers = { current: parts.peers }
  const peerName = (address: string): string | null => peers.current.name(address)
  const reporter = new Reporter({
    ...{ events: outbox, learning: outbox, nowMs, peerName },
    spoofed: (spoofing) => outbox.spoofed(spoofing),
    learnedPeer: (address) => peers.current.learned(address),
    book: () => flows,
  })
  const judge = new Judge({ policy, parsers: registry, report: reporter, nowMs, names })
  const view = (flow: Parameters<typeof viewFlow>[0]) => viewFlow(flow, peerName)
  const flows: FlowBook = new FlowBook(judge, view, endedFlowsKept)
  return { judge, flows, reporter, peers }
}
