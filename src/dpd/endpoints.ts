/**
 * The endpoints under this daemon's care and what is done to their traffic: mode → path, in the
 * order that loses no frame. Calls are serial: `PolicyStore` and the API bring them one by one.
 */

import { parseAddress } from '../core/address.js'
import type {
  AttachmentKey,
  DriverName,
  EndpointPath,
  EndpointRecord,
  Failure,
  Mode,
} from '../core/endpoint.js'
import type { CompiledEndpoint, CompiledPolicy } from '../core/policy/compiled.js'
import { matchGlob, parseGlob } from '../core/policy/glob.js'
import type { PathSetting } from '../intercept/driver.js'
import { type Depths, readsOf } from './depth.js'
import { pathOf } from './endpoint-path.js'
import type { EngineControl } from './engine/engine.js'
import type { JudgedEndpoint } from './judge/flow.js'
import { ownOf } from './own.js'
import type { Pipes } from './pipes.js'
import type { RuledPods } from './ruled/ruled-pods.js'
import { verdictsOf } from './verdicts.js'

export interface Endpoint {
  readonly record: EndpointRecord
  mode: Mode
  failure: Failure
  path: EndpointPath
  /** False until the kernel and the engine have `path` in force. */
  applied: boolean
  /** What the engine knows of the pod's own addresses. */
  sources: string
  /** Of the verdicts by which the kernel carries flows; 0 = it carries none of this endpoint's. */
  epoch: number
  /** What they follow from: verdicts.ts. */
  verdicts: string | null
  /** The epoch that the engine marks settled flows with. */
  engineEpoch: number
}

export interface EndpointsParts {
  readonly pipes: Pipes
  readonly engine: EngineControl
  /** Of endpoints that are attached by rules. */
  readonly ruled: Pick<RuledPods, 'apply' | 'forget'>
  /** Each resolves when every shard's judge knows it. */
  readonly judge: {
    setEndpoints(endpoints: readonly JudgedEndpoint[]): Promise<void>
    removeEndpoint(id: number): Promise<void>
  }
  readonly depths: Depths
  /** `namespace/pod` globs of those that send under other addresses than their own. */
  readonly forwarders: readonly string[]
  readonly dhcpServers: readonly string[]
  /** The instance's own: flows of its endpoints leave the engine. */
  readonly driver: DriverName
  /** Never the same number twice, not in another dpd's time either; not 0. */
  readonly nextEpoch: () => number
  readonly warn: (message: string) => void
}

function keyOf({ containerID, ifName }: AttachmentKey): string {
  return `${containerID} ${ifName}`
}

export class Endpoints {
  readonly #byKey = new Map<string, Endpoint>()
  readonly #forwarders
  readonly #dhcpServers

  constructor(private readonly parts: EndpointsParts) {
    this.#forwarders = parts.forwarders.map(parseGlob)
    this.#dhcpServers = parts.dhcpServers.map((text) => parseAddress(text).octets)
  }

  all(): readonly Endpoint[] {
    return [...this.#byKey.values()]
  }

  get(key: AttachmentKey): Endpoint | undefined {
    return this.#byKey.get(keyOf(key))
  }

  /** Known from now on; `apply` with a policy that knows it puts it in force. */
  add(record: EndpointRecord): Endpoint {
    const known = this.#byKey.get(keyOf(record))
    const endpoint: Endpoint = {
      record,
      mode: known?.mode ?? 'discover',
      failure: known?.failure ?? record.failure,
      path: known?.path ?? 'direct',
      applied: false,
      sources: '',
      epoch: 0,
      verdicts: null,
      engineEpoch: 0,
    }
    this.#byKey.set(keyOf(record), endpoint)
    return endpoint
  }

  async remove(key: AttachmentKey): Promise<EndpointRecord | null> {
    const endpoint = this.#byKey.get(keyOf(key))
    if (endpoint === undefined) return null
    this.#byKey.delete(keyOf(key))
    const { id } = endpoint.record
    // The id may be another's by now: an ADD that reused it came first.
    if (this.all().some(({ record }) => record.id === id)) return endpoint.record
    if (endpoint.record.attachment === 'rules') await this.parts.ruled.forget(id)
    await this.parts.engine.removeEndpoint(id)
    await this.parts.judge.removeEndpoint(id)
    return endpoint.record
  }

  /** The judge's half: before the engine has the policy, so that no flow opens unknown. */
  async introduce(compiled: CompiledPolicy): Promise<void> {
    const judged = this.all().flatMap(({ record }) => {
      const settings = compiled.endpoint(record.id)
      return settings === null ? [] : [this.#judged(record, settings)]
    })
    for (const endpoint of this.all()) this.#recall(endpoint, compiled)
    // The kernel does not wait for the judges.
    await Promise.all([
      this.parts.judge.setEndpoints(judged),
      ...this.all().map((endpoint) => this.#cutOff(endpoint, compiled)),
    ])
  }

  /**
   * Where other verdicts may follow, flows that the kernel carries come up to be judged again: before
   * the engine has the policy, so that none that it denies goes on, and none is settled by the old one.
   */
  #recall(endpoint: Endpoint, compiled: CompiledPolicy): void {
    if (endpoint.record.driver !== this.parts.driver || endpoint.record.links === null) return
    const verdicts = verdictsOf(compiled, endpoint.record.id)
    if (verdicts === null || verdicts === endpoint.verdicts) return
    endpoint.verdicts = verdicts
    endpoint.epoch = this.parts.nextEpoch()
    if (!endpoint.applied) return
    try {
      const { path, failure, mode } = endpoint
      this.#setKernel(endpoint, { path, failure, strict: mode === 'protect' })
    } catch (error) {
      this.parts.warn(`endpoint ${endpoint.record.id}: flows not recalled: ${String(error)}`)
    }
  }

  /**
   * Quarantine precedes everything: the resets of the flows that the engine then denies must not come
   * through, for release gives live flows back. Where it fails `apply` tries again.
   */
  async #cutOff(endpoint: Endpoint, compiled: CompiledPolicy): Promise<void> {
    const settings = compiled.endpoint(endpoint.record.id)
    if (settings?.quarantined !== true || !endpoint.applied) return
    const { path } = endpoint
    if (path === 'quarantine' || path === pathOf(settings, endpoint.record.ifName)) return
    try {
      const { failure, mode } = settings
      const setting: PathSetting = { path: 'quarantine', failure, strict: mode === 'protect' }
      if (endpoint.record.attachment !== 'rules') this.#setKernel(endpoint, setting)
      else await this.parts.ruled.apply(endpoint.record, setting, compiled)
    } catch (error) {
      this.parts.warn(`endpoint ${endpoint.record.id}: quarantine not in force: ${String(error)}`)
    }
  }

  /** Engine and kernel follow the policy. A fault of one endpoint is its own. */
  async apply(compiled: CompiledPolicy): Promise<void> {
    // Rules are set by processes: those of many pods at the same time.
    const ruled: Promise<void>[] = []
    for (const endpoint of this.#byKey.values()) {
      const settings = compiled.endpoint(endpoint.record.id)
      if (settings === null) continue
      if (endpoint.record.attachment === 'rules') {
        const apply = () => this.#applyRuled(endpoint, settings, compiled)
        ruled.push(this.#orWarn(endpoint, settings, apply))
      } else await this.#orWarn(endpoint, settings, () => this.#applyOne(endpoint, settings))
    }
    await Promise.all(ruled)
  }

  async #orWarn(
    endpoint: Endpoint,
    settings: CompiledEndpoint,
    apply: () => Promise<void>,
  ): Promise<void> {
    try {
      await apply()
    } catch (error) {
      endpoint.applied = false
      const { namespace, pod, ifName } = endpoint.record
      this.parts.warn(
        `${namespace}/${pod}/${ifName}: ${pathOf(settings, ifName)} not in force: ${String(error)}`,
      )
    }
  }

  /** Also where the path stays: decided flows are let go under one policy only. */
  async #applyRuled(
    endpoint: Endpoint,
    settings: CompiledEndpoint,
    compiled: CompiledPolicy,
  ): Promise<void> {
    const { record } = endpoint
    const { mode, failure } = settings
    const path = pathOf(settings, record.ifName)
    const sources = settings.sources.join(' ')
    const isQueued = path === 'tap' || path === 'inline'
    const isSame =
      endpoint.applied &&
      endpoint.path === path &&
      endpoint.failure === failure &&
      endpoint.sources === sources
    endpoint.mode = mode
    if (isQueued && !isSame) await this.#setEngine(record, settings, path)
    await this.parts.ruled.apply(record, { path, failure, strict: mode === 'protect' }, compiled)
    if (!isQueued && !isSame) await this.#setEngine(record, settings, path)
    endpoint.path = path
    endpoint.failure = failure
    endpoint.sources = sources
    endpoint.applied = true
  }

  async #applyOne(endpoint: Endpoint, settings: CompiledEndpoint): Promise<void> {
    const path = pathOf(settings, endpoint.record.ifName)
    const { mode, failure } = settings
    const sources = settings.sources.join(' ')
    const isSame =
      endpoint.path === path &&
      endpoint.failure === failure &&
      endpoint.sources === sources &&
      endpoint.engineEpoch === endpoint.epoch
    const wasInline = endpoint.path === 'inline'
    endpoint.mode = mode
    if (isSame && endpoint.applied) return
    const setting: PathSetting = { path, failure, strict: mode === 'protect' }
    // Towards inline the engine knows first: a frame that it would not send back is lost. Away from
    // it the kernel does: what is on its way up still comes back. vbr drops a tap's frames, so tap
    // waits until the engine holds none.
    const isDraining = wasInline && path === 'tap'
    if (isDraining) this.#setKernel(endpoint, { ...setting, path: 'direct' })
    else if (wasInline) this.#setKernel(endpoint, setting)
    await this.#setEngine(endpoint.record, settings, path, endpoint.epoch)
    if (!wasInline || isDraining) this.#setKernel(endpoint, setting)
    endpoint.engineEpoch = endpoint.epoch
    endpoint.path = path
    endpoint.failure = failure
    endpoint.sources = sources
    endpoint.applied = true
  }

  #setKernel(endpoint: Endpoint, path: PathSetting): void {
    const setting = { ...path, epoch: endpoint.epoch }
    if (endpoint.applied) this.parts.pipes.setPath(endpoint.record, setting)
    else this.parts.pipes.ensure(endpoint.record, setting)
  }

  async #setEngine(
    record: EndpointRecord,
    settings: CompiledEndpoint,
    path: EndpointPath,
    epoch = 0,
  ): Promise<void> {
    const { engine } = this.parts
    if (path !== 'tap' && path !== 'inline') return await engine.removeEndpoint(record.id)
    await engine.setEndpoint({
      id: record.id,
      path,
      failure: settings.failure,
      strict: settings.mode === 'protect',
      ...readsOf(this.parts.depths.of(record, settings.mode)),
      own: this.#forwards(record) ? null : ownOf(record, settings),
      dhcpServers: this.#dhcpServers,
      epoch,
    })
  }

  #forwards({ namespace, pod }: EndpointRecord): boolean {
    return this.#forwarders.some((glob) => matchGlob(glob, `${namespace}/${pod}`))
  }

  #judged(record: EndpointRecord, settings: CompiledEndpoint): JudgedEndpoint {
    const { id, namespace, pod, ifName } = record
    const { mode, failure } = settings
    const depth = this.parts.depths.of(record, mode)
    return { id, namespace, pod, ifName, mode, failure, enforced: mode === 'protect', depth }
  }
}
