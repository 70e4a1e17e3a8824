/** The engine's store of learned names (native/policy/learned_names.h), for judges. */
import { formatAddress, parseAddress } from '../../core/address.js'
import type { Resolved } from '../../core/inspect/contract.js'
import type { NameBook } from '../../core/policy/name-book.js'
import { addon } from '../../intercept/addon.js'

export interface NativeNames {
  learn(endpoint: number, address: Uint8Array, name: string, expiresMs: number, nowMs: number): void
  namesOf(endpoint: number, address: Uint8Array, atMs: number): string[]
  forget(endpoint: number): void
  records(): { endpoint: number; address: Uint8Array; name: string; expiresMs: number }[]
  evicted(): number
  learned(): number
}

export interface LearnedName {
  readonly endpoint: number
  readonly address: string
  readonly name: string
  /** Of CLOCK_MONOTONIC. */
  readonly expiresMs: number
}

/** CLOCK_MONOTONIC, as the engine has it. */
export const monotonicMs = (): number => Number(process.hrtime.bigint() / 1_000_000n)

/** Beyond this a TTL is taken for it, as resolvers do (BIND's max-cache-ttl). */
const TTL_MAX_SECONDS = 7 * 24 * 3600

export class LearnedNames implements NameBook {
  readonly native: NativeNames

  /** Shared: one store for all threads of the process. `graceMs`: an address outlives its TTL by so much. */
  constructor(
    private readonly given: {
      readonly isShared: boolean
      readonly graceMs: number
      readonly nowMs: () => number
    },
  ) {
    const { LearnedNames: Native } = addon() as unknown as {
      LearnedNames: new (isShared: boolean) => NativeNames
    }
    this.native = new Native(given.isShared)
  }

  learn(endpoint: number, { name, addresses, ttlSeconds }: Resolved): void {
    const nowMs = this.given.nowMs()
    const lifeMs = Math.min(ttlSeconds, TTL_MAX_SECONDS) * 1000 + this.given.graceMs
    for (const address of addresses) {
      const { octets } = parseAddress(address)
      this.native.learn(endpoint, octets, name, nowMs + lifeMs, nowMs)
    }
  }

  namesOf(endpoint: number, address: string, agoMs: number): readonly string[] {
    // Time 0 would ask for expired names too (native/policy/learned_names.h).
    const atMs = Math.max(1, this.given.nowMs() - agoMs)
    return this.native.namesOf(endpoint, parseAddress(address).octets, atMs)
  }

  forget(endpoint: number): void {
    this.native.forget(endpoint)
  }

  get evicted(): number {
    return this.native.evicted()
  }

  /** How often something was learned. */
  get learned(): number {
    return this.native.learned()
  }

  records(): LearnedName[] {
    return this.native
      .records()
      .map((record) => ({ ...record, address: formatAddress(record.address) }))
  }

  /** What a daemon before this one knew. */
  restore(records: readonly LearnedName[]): void {
    const nowMs = this.given.nowMs()
    for (const { endpoint, address, name, expiresMs } of records)
      this.native.learn(endpoint, parseAddress(address).octets, name, expiresMs, nowMs)
  }
}
