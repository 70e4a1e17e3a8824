/** What the control socket asks of the daemon, put together from its parts. */
import type { PodView, Quarantine } from '../core/api/endpoint.js'
import { ApiRefusal } from '../core/api/protocol.js'
import type { StatusAnswer } from '../core/api/status.js'
import type { AttachmentKey, EndpointRecord, Mode } from '../core/endpoint.js'
import { quarantineEvent } from '../core/events/eve.js'
import { selects } from '../core/policy/label-selector.js'
import { learnedPolicy } from '../core/policy/learn.js'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { type EndpointsApi, findPods } from './api/endpoints.js'
import type { StatusApi } from './api/status.js'
import type { BigFlows } from './big-flows.js'
import type { ConflistKeeper } from './conflist-keeper.js'
import type { DriftBook } from './drift-book.js'
import type { Endpoint, Endpoints } from './endpoints.js'
import type { EngineShards } from './engine/engine-shards.js'
import type { LearnedNames } from './engine/learned-names.js'
import type { EventsSink } from './events-file.js'
import type { Learning } from './learning.js'
import { metricFamilies } from './metric-families.js'
import type { Family } from './metrics.js'
import type { ModeOverrides } from './mode-overrides.js'
import type { Peers } from './peers.js'
import type { Pipes } from './pipes.js'
import type { PolicyStore } from './policy-store.js'
import type { Preflight } from './preflight.js'
import type { Reconciler } from './reconciler.js'
import type { LoopbackEndpoints } from './ruled/loopback.js'
import type { ShardCounts } from './shards/messages.js'
import type { Shards } from './shards/shards.js'
import type { SpoofBook } from './spoof-book.js'

export interface ControlParts {
  readonly instance: string
  readonly driver: string
  readonly startedAtMs: number
  readonly endpoints: Endpoints
  readonly policy: PolicyStore
  readonly overrides: ModeOverrides
  readonly learning: Learning
  readonly names: Pick<LearnedNames, 'learned' | 'evicted'>
  readonly shards: Shards
  readonly engine: EngineShards
  readonly events: EventsSink
  readonly spoofs: SpoofBook
  readonly reconciler: Reconciler
  readonly drift: DriftBook
  readonly big: Pick<BigFlows, 'counts'>
  readonly pipes: Pipes
  readonly loopback: Pick<LoopbackEndpoints, 'follow'>
  readonly conflist: Pick<ConflistKeeper, 'findings' | 'repaired'>
  readonly peers: () => Peers
  readonly preflight: () => Preflight
}

export class Control implements EndpointsApi, StatusApi {
  constructor(private readonly parts: ControlParts) {}

  all(): readonly Endpoint[] {
    return this.parts.endpoints.all()
  }

  attach(record: EndpointRecord): Promise<Endpoint> {
    const { policy, endpoints, pipes, loopback } = this.parts
    return policy.inTurn(async () => {
      if (!pipes.isRecorded(record)) {
        throw new ApiRefusal(409, 'withdrawn', 'its record is gone: DEL came after that ADD')
      }
      const endpoint = endpoints.add(record)
      await policy.recompile()
      if (await loopback.follow()) await policy.recompile()
      return endpoint
    })
  }

  detach(key: AttachmentKey): Promise<void> {
    const { policy, endpoints, loopback } = this.parts
    return policy.inTurn(async () => {
      const removed = await endpoints.remove(key)
      const hasFollowed = await loopback.follow()
      if (removed !== null || hasFollowed) await policy.recompile()
    })
  }

  setMode(
    pods: readonly Endpoint[],
    mode: Mode | 'auto' | 'quarantine' | 'release',
  ): Promise<void> {
    const { policy, overrides } = this.parts
    if (mode === 'quarantine') return this.#setQuarantine(pods, { reason: null })
    if (mode === 'release') return this.#setQuarantine(pods, null)
    return policy.inTurn(async () => {
      for (const { record } of pods) overrides.setMode(record, mode)
      await policy.recompile()
    })
  }

  setQuarantine(pods: readonly Endpoint[], reason: string | null): Promise<void> {
    return this.#setQuarantine(pods, reason === null ? null : { reason })
  }

  quarantineOf(id: number): Quarantine | null {
    const found = this.all().find(({ record }) => record.id === id)
    return found === undefined ? null : this.parts.overrides.quarantine(found.record)
  }

  /** Told when it is in force. */
  #setQuarantine(
    pods: readonly Endpoint[],
    wanted: { readonly reason: string | null } | null,
  ): Promise<void> {
    const { policy, overrides, events } = this.parts
    return policy.inTurn(async () => {
      const nowMs = Date.now()
      const since = new Date(nowMs).toISOString()
      const next = wanted === null ? null : { ...wanted, since }
      const before = pods.map(({ record }) => overrides.quarantine(record))
      for (const { record } of pods) overrides.setQuarantine(record, next)
      await policy.recompile()
      for (const [i, { record, mode }] of pods.entries()) {
        const quarantine = next ?? before[i] ?? null
        if (quarantine === null) continue
        const { id: endpoint, namespace, pod, ifName } = record
        const who = { endpoint, namespace, pod, ifName, mode }
        events.write(quarantineEvent(who, wanted === null ? 'end' : 'begin', quarantine, nowMs))
      }
    })
  }

  async views(pods: readonly Endpoint[]): Promise<PodView[]> {
    const { liveFlows } = await this.parts.shards.counts()
    return pods.map((pod) => this.#view(pod, liveFlows.get(pod.record.id) ?? 0))
  }

  #view({ record, mode, path, failure }: Endpoint, liveFlows: number): PodView {
    const { overrides, learning, policy, peers, spoofs } = this.parts
    const { id, namespace, pod, ifName, containerID, podUid, addresses, createdAt } = record
    const { driver, attachment, why } = record
    const labels = { ...peers().labels(namespace, pod) }
    const selecting = policy.sources.set.policies.filter(
      (object) => object.namespace === namespace && selects(object.podSelector, labels),
    )
    const byPolicy = selecting.some((object) => object.mode !== null && !object.staged)
    return {
      endpoint: id,
      ...{ namespace, pod, ifName, containerID, podUid, labels, driver, path, mode, failure },
      ...{ attachment, driverWhy: why, addresses: [...addresses] },
      modeBy: overrides.mode(record) !== null ? 'override' : byPolicy ? 'policy' : 'default',
      quarantined: overrides.quarantine(record) !== null,
      quarantine: overrides.quarantine(record),
      policies: selecting.map((object) => `${object.namespace}/${object.name}`),
      liveFlows,
      learned: learning.count(namespace, pod),
      spoofed: spoofs.framesOf(id),
      createdAt,
    }
  }

  status(): Omit<StatusAnswer, 'protocol'> {
    const { instance, driver, startedAtMs, endpoints, policy, engine } = this.parts
    const spoofs = this.parts.spoofs.counts()
    return {
      version: PRODUCT_VERSION,
      instance,
      pid: process.pid,
      startedAt: new Date(startedAtMs).toISOString(),
      driver,
      endpoints: endpoints.all().length,
      liveFlows: engine.flows(),
      policy: policy.status(),
      events: this.#events(this.parts.shards.lastCounts()),
      quarantined: this.#quarantined(),
      spoofed: {
        frames: spoofs.reduce((sum, { frames }) => sum + frames, 0),
        pods: [...new Set(spoofs.map(({ namespace, pod }) => `${namespace}/${pod}`))],
      },
      findings: this.#findings(),
    }
  }

  learned(pod: string): { readonly learned: number; readonly policy: string } {
    const { learning, peers } = this.parts
    const [found] = findPods(this.all(), pod)
    if (found === undefined) throw new ApiRefusal(404, 'no-such-pod', `pod ${pod}: not known`)
    const { namespace, pod: name } = found.record
    const tuples = learning.of(namespace, name)
    const labels = peers().labels(namespace, name)
    return {
      learned: tuples.length,
      policy: learnedPolicy({ namespace, pod: name, labels, tuples }),
    }
  }

  /** The driver is the one in use, which may be forced. */
  preflight(): Preflight {
    return { ...this.parts.preflight(), driver: this.parts.driver }
  }

  async metrics(): Promise<readonly Family[]> {
    const { instance, endpoints, policy, spoofs, engine, reconciler, drift, shards } = this.parts
    const counts = await shards.counts()
    return metricFamilies({
      version: PRODUCT_VERSION,
      instance,
      endpoints: endpoints.all(),
      liveFlows: engine.flows(),
      generation: policy.status().generation,
      policyFaults: policy.status().faults.length,
      policyLoadsFailed: policy.failedLoads,
      liveFlowsByShard: engine.flowsByShard(),
      reports: counts.reports,
      reportsLost: counts.reportsLost,
      judgesReplaced: shards.replaced,
      spoofs: spoofs.counts(),
      quarantined: this.#quarantined().map(({ pod }) => pod),
      events: this.#events(counts),
      engine: engine.counters(),
      kernel: this.parts.pipes.counters(),
      big: this.parts.big.counts(),
      driftPasses: reconciler.passes,
      driftRepaired: drift.repaired,
      driftUnrepaired: drift.unrepaired,
      collected: reconciler.collected,
      conflistRepaired: this.parts.conflist.repaired,
      learnOverflow: this.parts.learning.overflow,
      names: this.parts.names,
    })
  }

  /** Lost ones are those of the shards too. */
  #events({ eventsLost }: ShardCounts): StatusAnswer['events'] {
    const counters = this.parts.events.counters()
    return { ...counters, lost: counters.lost + eventsLost }
  }

  #quarantined(): StatusAnswer['quarantined'] {
    return this.all().flatMap(({ record }) => {
      const quarantine = this.parts.overrides.quarantine(record)
      const { namespace, pod, ifName } = record
      return quarantine === null ? [] : [{ pod: `${namespace}/${pod}/${ifName}`, ...quarantine }]
    })
  }

  #findings(): string[] {
    const { policy, endpoints, conflist } = this.parts
    const { faults, source } = policy.status()
    const findings: string[] = []
    if (faults.length > 0) {
      const kept = { files: 'the set before', 'last-good': 'the last good set', empty: 'no policy' }
      findings.push(
        `${faults.length} fault(s) in the policy files: ${kept[source]} is in force. Correct the files.`,
      )
    }
    for (const { record, applied } of endpoints.all()) {
      if (applied) continue
      const { namespace, pod, ifName } = record
      findings.push(`${namespace}/${pod}/${ifName}: its path is not in force. Read dpd's log.`)
    }
    findings.push(...this.parts.drift.findings(), ...policy.compiled.warnings, ...conflist.findings)
    return findings
  }
}
