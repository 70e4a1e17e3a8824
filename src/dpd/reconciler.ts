/** Keeps records and kernel together: adopts, repairs drift, collects what no DEL came for. */
import { type EndpointRecord, isSameAttachment } from '../core/endpoint.js'
import type { Endpoints } from './endpoints.js'
import type { NodeAddresses } from './node-addresses.js'
import type { Pipes } from './pipes.js'
import type { PolicyStore } from './policy-store.js'

export interface ReconcilerParts {
  readonly pipes: Pipes
  readonly endpoints: Endpoints
  readonly policy: PolicyStore
  readonly node: Pick<NodeAddresses, 'refresh'>
  readonly info: (message: string) => void
  readonly warn: (message: string) => void
}

function nameOf({ namespace, pod, ifName, id }: EndpointRecord): string {
  return `${namespace}/${pod}/${ifName} (endpoint ${id})`
}

export class Reconciler {
  #repaired = 0
  #collected = 0

  constructor(private readonly parts: ReconcilerParts) {}

  get repaired(): number {
    return this.#repaired
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
      this.#repair()
    })
  }

  /** Records on disk that we don't know, ours that are gone: a notice was lost. True = changed. */
  async #follow(): Promise<boolean> {
    const { pipes, endpoints, info } = this.parts
    pipes.takeNotices()
    pipes.recover()
    const records = pipes.records()
    let changed = false
    for (const { record } of endpoints.all()) {
      if (records.some((other) => isSameAttachment(other, record))) continue
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
    return changed
  }

  #repair(): void {
    const { pipes, endpoints, warn } = this.parts
    for (const endpoint of endpoints.all()) {
      const { record, path, failure, mode } = endpoint
      try {
        const drift = pipes.check(record)
        const have = pipes.readPath(record)
        if (drift.length === 0 && have === path) continue
        this.#repaired += Math.max(1, drift.length)
        const what = drift.map(
          ({ subject, want, have: found }) => `${subject}: ${found}, not ${want}`,
        )
        warn(
          `${nameOf(record)}: drift repaired: ${what.join('; ') || `path ${have ?? 'none'}, not ${path}`}`,
        )
        pipes.ensure(record, { path, failure, strict: mode === 'protect' })
      } catch (error) {
        warn(`${nameOf(record)}: cannot be checked: ${String(error)}`)
      }
    }
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
