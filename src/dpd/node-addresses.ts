/**
 * Addresses of this node: ingress from them is the kubelet's probes and the like (design §5, Node).
 * They change while dpd runs: the first ADD makes the bridge that the node reaches its pods by.
 */
import { networkInterfaces } from 'node:os'

function readHost(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map((address) => address.address.replace(/%.*$/, ''))
}

export class NodeAddresses {
  #current: readonly string[] = []
  readonly #read: () => readonly string[]

  constructor(configured: readonly string[] | null, read: () => readonly string[] = readHost) {
    this.#read = configured === null ? read : () => configured
    this.refresh()
  }

  get current(): readonly string[] {
    return this.#current
  }

  /** True = others than before. */
  refresh(): boolean {
    const before = this.#current.join(' ')
    this.#current = [...new Set(this.#read())].sort()
    return this.#current.join(' ') !== before
  }
}
