/**
 * A second evaluation of the policy rules, written from their text and not from the engine: slow,
 * with no table and no mask. It answers what is known before any app is.
 */
import { cidrContains, parseAddress, parseCidr } from '../../../src/core/address.js'
import type { BlockKey } from '../../../src/core/policy/blocks.js'
import type { CompileInput } from '../../../src/core/policy/compile.js'
import type { Connection } from '../../../src/core/policy/evaluate.js'
import type { LabelSelector, Labels } from '../../../src/core/policy/label-selector.js'
import type { Peer, PolicyObject, PolicyRule } from '../../../src/core/policy/model.js'

interface Pod {
  readonly namespace: string
  readonly labels: Labels
}
/** All that rules name, and one that none does. */
const APPS = ['http', 'tls', 'quic', 'dns', 'redis', 'mysql', 'postgresql', 'kafka', 'ssh']
/** As docs/policy.md says it. */
export const BLOCK_APPS: Readonly<Record<BlockKey, readonly string[]>> = {
  http: ['http'],
  grpc: ['http'],
  tls: ['tls', 'quic'],
  dns: ['dns'],
  sql: ['mysql', 'postgresql'],
  redis: ['redis'],
  mongodb: ['mongodb'],
  kafka: ['kafka'],
  mqtt: ['mqtt'],
  amqp: ['amqp'],
  ssh: ['ssh'],
}
type Answer = 'allow' | 'deny' | 'undecided'

export function oracle(input: CompileInput, endpointId: number, connection: Connection): Answer {
  const endpoint = input.endpoints.find(({ id }) => id === endpointId)
  if (endpoint === undefined) return 'allow'
  if (input.quarantined?.has(endpointId)) return 'deny'
  const isOpener = connection.podSide === 'opener'
  const peer = isOpener ? connection.destination : connection.source
  if (endpoint.addresses.some((address) => same(address, peer))) return 'allow'
  const fromNode = input.nodeAddresses.some((address) => same(address, peer))
  if (!isOpener && input.nodeTraffic === 'allow' && fromNode) return 'allow'
  const labels = endpoint.labels ?? labelsFromDirectory(input, endpoint.namespace, endpoint.pod)
  const policies = input.set.policies.filter(
    (policy) =>
      !policy.staged &&
      policy.namespace === endpoint.namespace &&
      holds(policy.podSelector, labels) &&
      (isOpener ? policy.egress : policy.ingress) !== null,
  )
  return overAllApps(input, policies, connection, peer)
}

function overAllApps(
  input: CompileInput,
  policies: readonly PolicyObject[],
  connection: Connection,
  peer: string,
): Answer {
  const isOpener = connection.podSide === 'opener'
  const matching = policies.flatMap((policy) =>
    ((isOpener ? policy.egress : policy.ingress) ?? []).filter((rule) =>
      matchesL4(input, policy.namespace, rule, connection, peer),
    ),
  )
  const hasParsers = connection.protocol === 6 || connection.protocol === 17
  const apps = hasParsers ? [...APPS, 'unknown'] : ['unknown']
  const answers = new Set(apps.map((app) => ofApp(matching, app, policies.length > 0)))
  return answers.size === 1 ? ([...answers][0] ?? 'undecided') : 'undecided'
}

function ofApp(rules: readonly PolicyRule[], app: string, isolated: boolean): Answer {
  const sure = (action: string) =>
    rules.some((rule) => rule.action === action && appMatch(rule, app) === 'yes')
  const maybe = (action: string) =>
    rules.some((rule) => rule.action === action && appMatch(rule, app) === 'maybe')
  if (sure('deny')) return 'deny'
  if (isolated && !sure('allow') && !maybe('allow')) return 'deny'
  if ((sure('allow') || !isolated) && !maybe('deny')) return 'allow'
  return 'undecided'
}

function appMatch(rule: PolicyRule, app: string): 'yes' | 'no' | 'maybe' {
  if (rule.apps !== null && !rule.apps.includes(app)) return 'no'
  if (rule.blocks.length === 0) return 'yes'
  return rule.blocks.some(({ block }) => BLOCK_APPS[block].includes(app)) ? 'maybe' : 'no'
}

function matchesL4(
  input: CompileInput,
  namespace: string,
  rule: PolicyRule,
  connection: Connection,
  peer: string,
): boolean {
  const port = connection.destinationPort
  const ports = rule.ports.some(
    (range) =>
      'first' in range &&
      range.protocol === connection.protocol &&
      range.first <= port &&
      port <= range.last,
  )
  if (rule.ports.length > 0 && !ports) return false
  return rule.peers.length === 0 || rule.peers.some((one) => isPeer(input, namespace, one, peer))
}

function isPeer(input: CompileInput, namespace: string, peer: Peer, address: string): boolean {
  if (peer.kind === 'block') {
    const { octets } = parseAddress(address)
    return (
      cidrContains(parseCidr(peer.cidr), octets) &&
      !peer.except.some((hole) => cidrContains(parseCidr(hole), octets))
    )
  }
  return podsAt(input, address).some((pod) => {
    if (!holds(peer.podSelector, pod.labels)) return false
    if (peer.namespaceSelector === null) return pod.namespace === namespace
    const entry = input.directory.namespaces.find(({ name }) => name === pod.namespace)
    const labels = { ...entry?.labels, 'kubernetes.io/metadata.name': pod.namespace }
    return holds(peer.namespaceSelector, labels)
  })
}

function podsAt(input: CompileInput, address: string): Pod[] {
  const live = input.endpoints.filter(({ addresses }) => addresses.some((a) => same(a, address)))
  if (live.length > 0) {
    return live.map(({ namespace, pod, labels }) => ({
      namespace,
      labels: labels ?? labelsFromDirectory(input, namespace, pod),
    }))
  }
  return input.directory.pods
    .filter(({ addresses }) => addresses.some((a) => same(a, address)))
    .map(({ namespace, name, labels }) => ({
      namespace,
      labels: { ...labelsFromDirectory(input, namespace, name), ...labels },
    }))
}

/** Globs first, the full name last: the more specific label wins. */
function labelsFromDirectory(input: CompileInput, namespace: string, pod: string): Labels {
  const matches = (name: string) =>
    new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(pod)
  const entries = input.directory.pods.filter(
    (entry) => entry.namespace === namespace && matches(entry.name),
  )
  const globs = entries.filter(({ name }) => name.includes('*'))
  const exact = entries.filter(({ name }) => !name.includes('*'))
  return Object.assign({}, ...[...globs, ...exact].map(({ labels }) => labels))
}

function holds(selector: LabelSelector, labels: Labels): boolean {
  const own = new Map(Object.entries(labels))
  return (
    Object.entries(selector.matchLabels).every(([key, value]) => own.get(key) === value) &&
    selector.matchExpressions.every(({ key, operator, values }) => {
      const value = own.get(key)
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const listed = value !== undefined && values.includes(value)
      return operator === 'In' ? listed : !listed
    })
  )
}

function same(withLength: string, address: string): boolean {
  const [text] = withLength.split('/')
  return String(parseAddress(text ?? '').octets) === String(parseAddress(address).octets)
}
