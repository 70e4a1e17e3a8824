/** What becomes of the engine's events: the judge, what it reports to, and who the peers are. */
import { compile } from '../core/policy/compile.js'
import { EMPTY_DIRECTORY } from '../core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../core/policy/model.js'
import { registry } from './dpi/registry.js'
import type { EventsSink } from './events-file.js'
import { viewFlow } from './flow-view.js'
import { FlowBook } from './flows.js'
import { Judge } from './judge/judge.js'
import { Learning } from './learning.js'
import { Peers } from './peers.js'
import { Reporter } from './reporter.js'

export interface JudgingParts {
  readonly stateDir: string
  readonly events: EventsSink
  readonly warn: (message: string) => void
  readonly nowMs: () => number
}

/** With an empty policy, until the first one is read. */
export function openJudging({ stateDir, warn, nowMs, events }: JudgingParts) {
  const peers = { current: new Peers(EMPTY_DIRECTORY, [], []) }
  const learning = new Learning(stateDir, warn)
  const peerName = (address: string): string | null => peers.current.name(address)
  const reporter = new Reporter({
    events,
    learning,
    nowMs,
    peerName,
    learnedPeer: (address) => peers.current.learned(address),
    book: () => flows,
  })
  const policy = compile({
    set: EMPTY_POLICY_SET,
    directory: EMPTY_DIRECTORY,
    generation: 0,
    defaults: { mode: 'discover' },
    nodeAddresses: [],
    nodeTraffic: 'allow',
    endpoints: [],
  })
  const judge = new Judge({ policy, parsers: registry, report: reporter, nowMs })
  const flows: FlowBook = new FlowBook(judge, (flow) => viewFlow(flow, peerName, null))
  return { judge, flows, reporter, learning, peers, policy }
}
