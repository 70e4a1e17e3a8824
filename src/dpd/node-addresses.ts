/** Addresses of this node: ingress from them is the kubelet's probes and the like (design §5, Node). */
import { networkInterfaces } from 'node:os'

export function nodeAddresses(configured: readonly string[] | null): string[] {
  if (configured !== null) return [...configured]
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map((address) => address.address.replace(/%.*$/, ''))
}
