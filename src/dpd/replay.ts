/** A capture through the engine, the parsers and the judge, without a kernel: what would have been said. */
import { parseAddress } from '../core/address.js'
import type { FlowView } from '../core/api/flow.js'
import type { EngineEvent } from '../core/inspect/contract.js'
import { compile } from '../core/policy/compile.js'
import type { EndpointsDirectory } from '../core/policy/endpoints-directory.js'
import type { PolicySet } from '../core/policy/model.js'
import { type Depth, readsOf } from './depth.js'
import { registry } from './dpi/registry.js'
import type { EngineLimits } from './engine/native.js'
import { REPLAY_ENDPOINT, ReplayEngine } from './engine/replay.js'
import { viewFlow } from './flow-view.js'
import { FlowBook } from './flows.js'
import { Judge } from './judge/judge.js'
import type { JudgeReport } from './judge/report.js'
import { Peers } from './peers.js'
import { Reporter } from './reporter.js'

export interface ReplayInput {
  readonly capture: Uint8Array
  readonly set: PolicySet
  readonly directory: EndpointsDirectory
  /** Whose traffic it is. */
  readonly namespace: string
  readonly pod: string
  /** DNS servers whose answers `fqdn` peers go by. */
  readonly resolvers: readonly string[]
}

export interface ReplayOutput {
  readonly frames: number
  readonly cutAtOctet: number | null
  readonly flows: readonly FlowView[]
  readonly counters: Readonly<Record<string, number>>
  readonly malformed: number
  /** Of the policy. */
  readonly warnings: readonly string[]
}

/** More flows than a daemon remembers: a capture is asked about as a whole. */
const FLOWS_KEPT = 1_000_000

/** A capture's sources are not checked. */
const NO_MAC = new Uint8Array(6)

export interface ReplayParts {
  readonly set: PolicySet
  readonly directory: EndpointsDirectory
  readonly namespace: string
  readonly pod: string
  /** None where it is not said. */
  readonly resolvers?: readonly string[]
  /** Of those that ended, the last so many can be asked about. */
  readonly flowsKept: number
  /** `content` where it is not said. */
  readonly depth?: Depth
  readonly limits?: EngineLimits
  /** Hears what is said of flows in place of the flow book. */
  readonly report?: JudgeReport
  /** Hears the engine's events before the judge does. */
  readonly onEvents?: (events: readonly EngineEvent[]) => void
}

/** Everything between a capture's frames and what is said of its flows, with the policy in force. */
export async function openReplay(parts: ReplayParts) {
  const { set, directory, namespace, pod, flowsKept, depth = 'content', resolvers = [] } = parts
  const { id } = REPLAY_ENDPOINT
  const addresses = directory.pods
    .filter((entry) => entry.namespace === namespace && entry.name === pod)
    .flatMap((entry) => entry.addresses)
  const policy = compile({
    set,
    directory,
    generation: 1,
    defaults: { mode: 'monitor' },
    nodeAddresses: [],
    nodeTraffic: 'allow',
    resolvers,
    endpoints: [{ id, namespace, pod, addresses }],
  })
  const peers = new Peers(directory, [{ namespace, pod, addresses }], [])
  const peerName = (address: string): string | null => peers.name(address)
  // The engine's events carry no time: all views say the epoch.
  const nowMs = (): number => 0
  const reporter = new Reporter({
    events: null,
    learning: null,
    spoofed: () => undefined,
    nowMs,
    peerName,
    learnedPeer: () => null,
    book: () => book,
  })
  const engine = new ReplayEngine(parts.limits)
  const { names } = engine
  const report = parts.report ?? reporter
  const judge = new Judge({ policy, parsers: registry, report, nowMs, names })
  const book = new FlowBook(judge, (flow) => viewFlow(flow, peerName), flowsKept)
  judge.setEndpoint({
    ...{ id, namespace, pod, ifName: 'capture', mode: 'monitor', failure: 'open' },
    enforced: false,
    depth,
  })
  if (parts.onEvents !== undefined) engine.onEvents(parts.onEvents)
  engine.onEvents((events) => engine.send(judge.handle(events)))
  const own = { mac: NO_MAC, addresses: addresses.map((each) => parseAddress(each).octets) }
  await engine.setEndpoint({ ...REPLAY_ENDPOINT, own, ...readsOf(depth) })
  await engine.setPolicy(policy.l4Block)
  return { engine, judge, reporter, book, warnings: policy.warnings }
}

export async function replay({ capture, ...parts }: ReplayInput): Promise<ReplayOutput> {
  const opened = await openReplay({ ...parts, flowsKept: FLOWS_KEPT })
  const { engine, book, reporter, warnings } = opened
  const { frames, cutAtOctet } = await engine.run(capture)
  return {
    frames,
    cutAtOctet,
    flows: book.list({ state: 'all', limit: FLOWS_KEPT, follow: '0' }),
    counters: engine.counters(),
    malformed: reporter.counters().malformed,
    warnings,
  }
}
