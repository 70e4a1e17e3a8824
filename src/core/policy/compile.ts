/** A policy set, the pods that are known and the node's settings → what each endpoint is judged by. */
import type { Failure, Mode } from '../endpoint.js'
import type { RuleId } from '../inspect/contract.js'
import { addressSpan, blockSpans, rangesOf } from './address-ranges.js'
import { asksOf } from './block-compiler.js'
import type {
  CompiledDirection,
  CompiledEndpoint,
  CompiledPolicy,
  CompiledRule,
  RuleInfo,
} from './compiled.js'
import type { EndpointsDirectory } from './endpoints-directory.js'
import { IdentityIndex, identitiesOf, type PolicyEndpoint } from './identity.js'
import { encodeL4Block } from './l4-table.js'
import { ListedAddresses } from './listed-addresses.js'
import { effectiveFailure, effectiveMode, type PolicyDefaults } from './mode.js'
import type { Direction, PolicyObject, PolicySet } from './model.js'
import { RuleCompiler } from './rule-compiler.js'

export type { PolicyEndpoint } from './identity.js'
export type { PolicyDefaults } from './mode.js'

export interface CompileInput {
  readonly set: PolicySet
  readonly generation: number
  readonly defaults: PolicyDefaults
  readonly nodeAddresses: readonly string[]
  readonly nodeTraffic: 'allow' | 'policy'
  /** DNS servers whose answers teach names: addresses or prefixes. */
  readonly resolvers?: readonly string[]
  readonly directory: EndpointsDirectory
  readonly endpoints: readonly PolicyEndpoint[]
  /** `dpctl mode`, by endpoint id. */
  readonly overrides?: ReadonlyMap<number, Mode>
  /** Endpoint ids. */
  readonly quarantined?: ReadonlySet<number>
}

interface CompiledObject {
  readonly policy: PolicyObject
  readonly ingress: readonly CompiledRule[]
  readonly egress: readonly CompiledRule[]
}

/** Seen on a pod's `lo` only: the pod speaks to itself. */
const LOOPBACK_SPANS = ['127.0.0.0/8', '::1/128'].flatMap((cidr) => blockSpans(cidr, []))

export function compile(input: CompileInput): CompiledPolicy {
  const identities = identitiesOf(input.directory, input.endpoints)
  const index = new IdentityIndex(input.directory, identities)
  const compiler = new RuleCompiler(input.set, index)
  const selected = new Map<number, CompiledObject[]>()
  for (const policy of input.set.policies) {
    const object = { policy, ...compiler.compile(policy) }
    for (const { endpoint } of index.pick(policy.namespace, null, policy.podSelector)) {
      if (endpoint === null) continue
      const list = selected.get(endpoint)
      if (list === undefined) selected.set(endpoint, [object])
      else list.push(object)
    }
  }
  const endpoints = compileEndpoints(input, selected)
  const allowed = input.nodeTraffic === 'allow' ? input.nodeAddresses : []
  const parts = {
    generation: input.generation,
    rules: compiler.rules,
    warnings: [...compiler.warnings, ...resolverWarnings(input)],
    nodeAddresses: rangesOf(allowed.map(addressSpan)),
    resolvers: rangesOf((input.resolvers ?? []).map(addressSpan)),
  }
  return {
    ...parts,
    l4Block: encodeL4Block({ ...parts, endpoints: [...endpoints.values()] }),
    endpoint: (id) => endpoints.get(id) ?? null,
  }
}

function resolverWarnings({ set, resolvers }: CompileInput): string[] {
  if ((resolvers?.length ?? 0) > 0) return []
  const [first] = set.policies.filter(({ egress }) =>
    egress?.some(({ peers }) => peers.some(({ kind }) => kind === 'fqdn')),
  )
  if (first === undefined) return []
  return [
    `${first.file}: ${first.namespace}/${first.name}: fqdn peers match nothing, as no DNS server is known whose answers count: name those of the pods (fqdn.resolvers of dpd.yaml, --resolvers of dpctl replay)`,
  ]
}

export function ruleInfo(compiled: CompiledPolicy, rule: RuleId): RuleInfo | null {
  return compiled.rules[rule] ?? null
}

function compileEndpoints(
  input: CompileInput,
  selected: ReadonlyMap<number, readonly CompiledObject[]>,
): Map<number, CompiledEndpoint> {
  const directions = new DirectionCache()
  const addresses = podAddresses(input.endpoints)
  const listed = new ListedAddresses(input.directory)
  const compiled = new Map<number, CompiledEndpoint>()
  for (const endpoint of input.endpoints) {
    const { id, namespace, pod } = endpoint
    const objects = selected.get(id) ?? []
    const recorded = addresses.get(`${namespace}/${pod}`) ?? []
    const policies = objects.map(({ policy }) => policy)
    const mode = input.overrides?.get(id) ?? effectiveMode(policies, input.defaults)
    const failure: Failure = effectiveFailure(policies, mode, input.defaults)
    compiled.set(id, {
      id,
      namespace,
      pod,
      mode,
      failure,
      quarantined: input.quarantined?.has(id) ?? false,
      addresses: rangesOf([...recorded.map(addressSpan), ...LOOPBACK_SPANS]),
      sources: [...recorded, ...listed.of(namespace, pod)],
      ingress: directions.of(objects, 'ingress'),
      egress: directions.of(objects, 'egress'),
    })
  }
  return compiled
}

/** A pod may have several interfaces, and reaches itself over each of them. */
function podAddresses(endpoints: readonly PolicyEndpoint[]): Map<string, string[]> {
  const byPod = new Map<string, string[]>()
  for (const { namespace, pod, addresses } of endpoints) {
    const key = `${namespace}/${pod}`
    byPod.set(key, [...(byPod.get(key) ?? []), ...addresses])
  }
  return byPod
}

/** Endpoints that the same policies select share one compiled direction. */
class DirectionCache {
  readonly #known = new Map<string, CompiledDirection>()
  readonly #ids = new Map<CompiledObject, number>()

  of(objects: readonly CompiledObject[], direction: Direction): CompiledDirection {
    const key = `${direction} ${objects.map((object) => this.#idOf(object)).join()}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const live = objects.filter(({ policy }) => !policy.staged)
    const asks = asksOf(objects.flatMap((object) => object[direction]))
    const isTried = isStaged(objects, direction)
    const compiled = {
      ...join(live, direction),
      ...{ asks, staged: isTried ? { ...join(objects, direction), asks, staged: null } : null },
    }
    this.#known.set(key, compiled)
    return compiled
  }

  #idOf(object: CompiledObject): number {
    const id = this.#ids.get(object) ?? this.#ids.size
    this.#ids.set(object, id)
    return id
  }
}

function isStaged(objects: readonly CompiledObject[], direction: Direction): boolean {
  return objects.some(({ policy }) => policy.staged && policy[direction] !== null)
}

function join(
  objects: readonly CompiledObject[],
  direction: Direction,
): { isolated: boolean; rules: CompiledRule[] } {
  return {
    isolated: objects.some(({ policy }) => policy[direction] !== null),
    rules: objects.flatMap((object) => object[direction]),
  }
}
