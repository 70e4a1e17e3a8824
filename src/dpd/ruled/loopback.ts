/**
 * `lo` of the pods that the operator named: what a sidecar and its application say to each other, in clear
 * behind a mesh. An endpoint of its own beside the pod's, for as long as the pod has one.
 */
import { type EndpointRecord, LOOPBACK } from '../../core/endpoint.js'
import { type Glob, matchGlob, parseGlob } from '../../core/policy/glob.js'
import type { AttachSpec } from '../../intercept/attach-spec.js'
import type { Endpoint } from '../endpoints.js'

export interface LoopbackParts {
  /** `namespace/pod` globs. */
  readonly pods: readonly string[]
  readonly attach: (spec: AttachSpec) => EndpointRecord
  readonly collect: (record: EndpointRecord) => void
  readonly endpoints: {
    all(): readonly Endpoint[]
    add(record: EndpointRecord): Endpoint
    remove(record: EndpointRecord): Promise<EndpointRecord | null>
  }
  readonly warn: (message: string) => void
}

/** No CNI network's: GC of the pod's network has nothing to say of it. */
const NO_NETWORK = ''

export class LoopbackEndpoints {
  readonly #globs: readonly Glob[]
  /** Containers whose `lo` was refused: told once. */
  readonly #refused = new Set<string>()

  constructor(private readonly parts: LoopbackParts) {
    this.#globs = parts.pods.map(parseGlob)
  }

  /** In turn with what changes endpoints. True = some came or went. */
  async follow(): Promise<boolean> {
    const records = this.parts.endpoints.all().map(({ record }) => record)
    const loopbacks = records.filter(({ ifName }) => ifName === LOOPBACK)
    if (this.#globs.length === 0 && loopbacks.length === 0) return false
    const wanted = new Map(
      records
        .filter((record) => record.ifName !== LOOPBACK && this.#isNamed(record))
        .map((record) => [record.containerID, record]),
    )
    let hasChanged = false
    for (const record of loopbacks) {
      if (wanted.delete(record.containerID)) continue
      await this.#release(record)
      hasChanged = true
    }
    for (const record of wanted.values()) hasChanged = this.#attach(record) || hasChanged
    return hasChanged
  }

  #isNamed({ namespace, pod }: EndpointRecord): boolean {
    return this.#globs.some((glob) => matchGlob(glob, `${namespace}/${pod}`))
  }

  #attach(beside: EndpointRecord): boolean {
    const { containerID, netns, namespace, pod, podUid } = beside
    if (this.#refused.has(containerID)) return false
    try {
      const spec = {
        containerID,
        ifName: LOOPBACK,
        network: NO_NETWORK,
        netns,
        namespace,
        pod,
        podUid,
      }
      this.parts.endpoints.add(this.parts.attach({ ...spec, failure: 'open', isRunning: true }))
      return true
    } catch (error) {
      this.#refused.add(containerID)
      this.parts.warn(`${namespace}/${pod}/lo: not inspected: ${String(error)}`)
      return false
    }
  }

  async #release(record: EndpointRecord): Promise<void> {
    await this.parts.endpoints.remove(record)
    try {
      this.parts.collect(record)
    } catch (error) {
      const { namespace, pod } = record
      this.parts.warn(`${namespace}/${pod}/lo: its rules could not be taken away: ${String(error)}`)
    }
  }
}
