/** A compiled policy as plain data, for judges in other threads. */
import type { CompiledEndpoint, CompiledPolicy } from './compiled.js'

export interface PortablePolicy
  extends Pick<CompiledPolicy, 'generation' | 'rules' | 'nodeAddresses' | 'resolvers'> {
  readonly endpoints: readonly CompiledEndpoint[]
}

export function toPortable(policy: CompiledPolicy, ids: Iterable<number>): PortablePolicy {
  const { generation, rules, nodeAddresses, resolvers } = policy
  const endpoints = Array.from(ids, (id) => policy.endpoint(id)).filter((known) => known !== null)
  return { generation, rules, nodeAddresses, resolvers, endpoints }
}

/** Warnings and the L4 block, which no judge asks for, stay where they were made. */
export function fromPortable(policy: PortablePolicy): CompiledPolicy {
  const { generation, rules, nodeAddresses, resolvers } = policy
  const byId = new Map(policy.endpoints.map((endpoint) => [endpoint.id, endpoint]))
  return {
    ...{ generation, rules, nodeAddresses, resolvers, warnings: [], l4Block: new Uint8Array(0) },
    endpoint: (id) => byId.get(id) ?? null,
  }
}
