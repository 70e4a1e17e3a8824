/** Who has an address: pods of this node, pods that endpoints.d lists, the node itself. */
import type { EndpointRecord } from '../core/endpoint.js'
import type { EndpointsDirectory } from '../core/policy/endpoints-directory.js'
import { PodLabels } from '../core/policy/identity.js'
import type { Labels } from '../core/policy/label-selector.js'
import type { LearnedPeer } from '../core/policy/learn.js'

interface Peer {
  readonly name: string
  /** null = the node. */
  readonly namespace: string | null
  readonly labels: Labels
}

export type PeerRecord = Pick<EndpointRecord, 'namespace' | 'pod' | 'addresses'>

export class Peers {
  readonly #byAddress = new Map<string, Peer>()
  readonly #labels: PodLabels

  constructor(
    directory: EndpointsDirectory,
    records: readonly PeerRecord[],
    nodeAddresses: readonly string[],
  ) {
    this.#labels = new PodLabels(directory)
    for (const address of nodeAddresses) {
      this.#byAddress.set(address, { name: 'node', namespace: null, labels: {} })
    }
    for (const { namespace, name, addresses } of directory.pods) {
      this.#add(namespace, name, addresses)
    }
    for (const { namespace, pod, addresses } of records) this.#add(namespace, pod, addresses)
  }

  /** `namespace/pod`, `node`, or null. */
  name(address: string): string | null {
    return this.#byAddress.get(address)?.name ?? null
  }

  labels(namespace: string, pod: string): Labels {
    return this.#labels.of(namespace, pod)
  }

  /** null where only the address tells. */
  learned(address: string): LearnedPeer | null {
    const peer = this.#byAddress.get(address)
    if (peer === undefined || peer.namespace === null) return null
    if (Object.keys(peer.labels).length === 0) return null
    return { namespace: peer.namespace, labels: peer.labels }
  }

  #add(namespace: string, pod: string, addresses: readonly string[]): void {
    const peer = { name: `${namespace}/${pod}`, namespace, labels: this.labels(namespace, pod) }
    for (const address of addresses) this.#byAddress.set(address.replace(/\/.*$/, ''), peer)
  }
}
