/** Who has an address, for people: pods of this node, pods that endpoints.d lists, the node itself. */
import type { EndpointRecord } from '../core/endpoint.js'
import type { EndpointsDirectory } from '../core/policy/endpoints-directory.js'

export class Peers {
  readonly #names = new Map<string, string>()

  constructor(
    directory: EndpointsDirectory,
    records: readonly Pick<EndpointRecord, 'namespace' | 'pod' | 'addresses'>[],
    nodeAddresses: readonly string[],
  ) {
    for (const address of nodeAddresses) this.#names.set(address, 'node')
    for (const { namespace, name, addresses } of directory.pods) {
      for (const address of addresses) this.#names.set(address, `${namespace}/${name}`)
    }
    for (const { namespace, pod, addresses } of records) {
      for (const address of addresses) {
        this.#names.set(address.replace(/\/.*$/, ''), `${namespace}/${pod}`)
      }
    }
  }

  name(address: string): string | null {
    return this.#names.get(address) ?? null
  }
}
