/** What messages call an endpoint. */
import type { EndpointRecord } from '../core/endpoint.js'

export function nameOf({ namespace, pod, ifName, id }: EndpointRecord): string {
  return `${namespace}/${pod}/${ifName} (endpoint ${id})`
}
