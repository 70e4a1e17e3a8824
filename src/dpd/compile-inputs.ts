/** What a policy set is compiled with, besides the policies: configuration, endpoints, overrides. */
import type { Config } from '../core/config.js'
import type { CompileInput } from '../core/policy/compile.js'
import type { Endpoints } from './endpoints.js'
import type { ModeOverrides } from './mode-overrides.js'
import type { NodeAddresses } from './node-addresses.js'
import { nodeResolvers } from './resolvers.js'

export function defaultsOf({ defaults }: Config): CompileInput['defaults'] {
  const { mode, failure } = defaults
  return failure === undefined ? { mode } : { mode, failure }
}

export function compileInputs(
  config: Config,
  endpoints: Endpoints,
  overrides: ModeOverrides,
  node: NodeAddresses,
): Omit<CompileInput, 'set' | 'directory' | 'generation'> {
  node.refresh()
  const records = endpoints.all().map(({ record }) => record)
  const modes = records.flatMap((record) => {
    const mode = overrides.mode(record)
    return mode === null ? [] : [[record.id, mode] as const]
  })
  return {
    defaults: defaultsOf(config),
    nodeAddresses: node.current,
    nodeTraffic: config.nodeTraffic,
    resolvers: config.fqdn.resolvers ?? nodeResolvers(),
    endpoints: records.map(({ id, namespace, pod, addresses }) => ({
      id,
      namespace,
      pod,
      addresses,
    })),
    overrides: new Map(modes),
    quarantined: new Set(
      records.filter((r) => overrides.quarantine(r) !== null).map(({ id }) => id),
    ),
  }
}
