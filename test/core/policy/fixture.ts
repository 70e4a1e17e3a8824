/** Policy sets, endpoints and connections for the policy tests, from as little text as possible. */
import {
  type CompileInput,
  compile,
  type PolicyEndpoint,
} from '../../../src/core/policy/compile.js'
import type { CompiledPolicy } from '../../../src/core/policy/compiled.js'
import {
  EMPTY_DIRECTORY,
  type EndpointsDirectory,
} from '../../../src/core/policy/endpoints-directory.js'
import { type Connection, evaluate, type Facts } from '../../../src/core/policy/evaluate.js'
import { loadPolicySet } from '../../../src/core/policy/load.js'
import type { PolicySet } from '../../../src/core/policy/model.js'
import { formatDocumentError } from '../../../src/core/yaml-document.js'

export const WEB: PolicyEndpoint = {
  id: 1,
  namespace: 'shop',
  pod: 'web-1',
  labels: { app: 'web', tier: 'front' },
  addresses: ['10.0.0.1/24', 'fd00::1/64'],
}
export const CLIENT: PolicyEndpoint = {
  id: 2,
  namespace: 'shop',
  pod: 'client-1',
  labels: { app: 'client' },
  addresses: ['10.0.0.2/24', 'fd00::2/64'],
}
export const DB: PolicyEndpoint = {
  id: 3,
  namespace: 'data',
  pod: 'db-1',
  labels: { app: 'db' },
  addresses: ['10.0.0.3/24', 'fd00::3/64'],
}
export const NODE_ADDRESS = '192.0.2.1'
export const NODE_ADDRESS_V6 = '2001:db8::1'
/** An address that nobody knows. */
export const STRANGER = '203.0.113.9'
export const STRANGER_V6 = '2001:db8:ffff::9'

export const DIRECTORY: EndpointsDirectory = {
  namespaces: [
    { name: 'shop', labels: { team: 'shop' } },
    { name: 'data', labels: { team: 'data' } },
  ],
  pods: [],
}

export function setOf(...texts: readonly string[]): PolicySet {
  const load = loadPolicySet(texts.map((text, i) => ({ path: `${i}.yaml`, text })))
  if (!load.ok) throw new Error(load.errors.map(formatDocumentError).join('\n'))
  return load.set
}

/** A `vethwall.dev/v1` Policy in namespace shop from the text of its spec. */
export function policy(name: string, spec: string): string {
  const indented = spec.trim().replace(/^/gm, '  ')
  return `apiVersion: vethwall.dev/v1
kind: Policy
metadata: {name: ${name}, namespace: shop}
spec:
${indented}
`
}

export function networkPolicy(name: string, spec: string): string {
  return policy(name, spec)
    .replace('vethwall.dev/v1', 'networking.k8s.io/v1')
    .replace('kind: Policy', 'kind: NetworkPolicy')
}

export function compiled(set: PolicySet, input: Partial<CompileInput> = {}): CompiledPolicy {
  return compile({
    set,
    generation: 7,
    defaults: { mode: 'discover' },
    nodeAddresses: [NODE_ADDRESS, NODE_ADDRESS_V6],
    nodeTraffic: 'allow',
    directory: input.directory ?? DIRECTORY ?? EMPTY_DIRECTORY,
    endpoints: [WEB, CLIENT, DB],
    ...input,
  })
}

export function compiledOf(...texts: readonly string[]): CompiledPolicy {
  return compiled(setOf(...texts))
}

/** Towards the web pod. */
export function toWeb(source: string, port = 80, protocol = 6): Connection {
  const destination = source.includes(':') ? 'fd00::1' : '10.0.0.1'
  return { podSide: 'receiver', protocol, source, destination, destinationPort: port }
}

/** From the web pod. */
export function fromWeb(destination: string, port = 80, protocol = 6): Connection {
  const source = destination.includes(':') ? 'fd00::1' : '10.0.0.1'
  return { podSide: 'opener', protocol, source, destination, destinationPort: port }
}

/** `verdict rule`, of the web pod: the rule as `policy/rule`, or its own name. */
export function verdictOf(
  policy: CompiledPolicy,
  connection: Connection,
  facts: Facts = { app: null },
): string {
  const { verdict, rule, needs } = evaluate(policy, WEB.id, connection, facts)
  if (needs !== null) return `${verdict} ${needs}`
  const info = policy.rules[rule]
  if (info === undefined) return `${verdict} ?${rule}`
  return `${verdict} ${info.policy === '' ? info.rule : `${info.policy}/${info.rule}`}`
}
