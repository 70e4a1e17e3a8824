/** Keeps records and kernel together: adopts, repairs drift, collects what no DEL came for. */
import { type EndpointRecord, isSameAttachment } from '../core/endpoint.js'
import type { DriftRepair } from './drift-repair.js'
import { nameOf } from './endpoint-name.js'
import type { Endpoints } from './endpoints.js'
import type { NodeAddresses } from './node-addresses.js'
import type { Pipes } from './pipes.js'
import type { PolicyStore } from './policy-store.js'
import type { LoopbackEndpoints } from './ruled/loopback.js'
import type { RuledPods } from './ruled/ruled-pods.js'

export interface ReconcilerParts {
  readonly pipes: Pipes
  readonly endpoints: Endpoints
  readonly policy: PolicyStore
  readonly node: Pick<NodeAddresses, 'refresh'>
  readonly drift: Pick<DriftRepair, 'pass' | 'passes'>
  readonly loopback: Pick<LoopbackEndpoints, 'follow'>
  readonly ruled: Pick<RuledPods, 'look'>
  readonly info: (message: string) => void
  readonly warn: (message: string) => void
}

export class Reconciler {
  #collected = 0
  #isRepairing = false
  #isLooking = false

  constructor(private readonly parts: ReconcilerParts) {}

  /** Looks for drift so far. */
  get passes(): number {
    return this.parts.drift.passes
  }

  get collected(): number {
    return this.#collected
  }

  /** At start: the records that the plugin and an earlier dpd left. Changes nothing in the kernel yet. */
  adopt(): void {
    const notices = this.parts.pipes.takeNotices()
    if (notices > 0) this.parts.info(`${notices} notices of the plugin taken from disk`)
    for (const record of this.parts.pipes.records()) {
      if (!this.parts.pipes.isAlive(record)) this.#collect(record)
      else this.parts.endpoints.add(record)
    }
  }

  /** At intervals and on SIGHUP. */
  reconcile(): Promise<void> {
    const { policy, node } = this.parts
    return policy.inTurn(async () => {
      const hasMoved = node.refresh()
      if ((await this.#follow()) || hasMoved) await policy.recompile()
      await this.#repair()
    })
  }

  /** At shorter ones: only what is in the kernel is looked at. */
  async repair(): Promise<void> {
    if (this.#isRepairing) return
    this.#isRepairing = true
    try {
      await this.parts.policy.inTurn(() => this.#repair())
    } finally {
      this.#isRepairing = false
    }
  }

  /** Beside `repair`, for reading a pod's rules takes a process. */
  async lookAtRules(): Promise<void> {
    const { ruled, policy } = this.parts
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      if (await ruled.look()) await policy.inTurn(() => policy.recompile())
    } finally {
      this.#isLooking = false
    }
  }

  async #repair(): Promise<void> {
    if (this.parts.drift.pass()) await this.parts.policy.recompile()
  }

  /** Records on disk that we don't know, ours that are gone: a notice was lost. True = changed. */
  async #follow(): Promise<boolean> {
    const { pipes, endpoints, info } = this.parts
    pipes.takeNotices()
    pipes.recover()
    const records = pipes.records()
    let changed = false
    const byId = new Map(records.map((record) => [record.id, record]))
    for (const { record } of endpoints.all()) {
      const found = byId.get(record.id)
      if (found !== undefined && isSameAttachment(found, record)) continue
      await endpoints.remove(record)
      info(`${nameOf(record)}: its record is gone, forgotten`)
      changed = true
    }
    for (const record of records) {
      const known = endpoints.get(record)
      if (pipes.isBusy(record)) continue
      if (!pipes.isAlive(record)) {
        if (known !== undefined) await endpoints.remove(record)
        this.#collect(record)
        changed = true
      } else if (known === undefined) {
        endpoints.add(record)
        info(`${nameOf(record)}: found on disk, adopted`)
        changed = true
      }
    }
    return (await this.parts.loopback.follow()) || changed
  }

  #collect(record: EndpointRecord): void {
    const { pipes, info, warn } = this.parts
    try {
      pipes.collect(record)
      this.#collected++
      info(`${nameOf(record)}: its pod is gone, collected`)
    } catch (error) {
      warn(`${nameOf(record)}: its pod is gone, but not all of it went: ${String(error)}`)
    }
  }
}
