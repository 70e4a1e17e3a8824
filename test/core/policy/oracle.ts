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

/** `names`: of the peer's address, by the endpoint's own questions. */
export function oracle(
  input: CompileInput,
  endpointId: number,
  connection: Connection,
  names: readonly string[] = [],
): Answer {
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
  const answer = overAllApps(
    input,
    policies,
    connection,
    isOpener ? { peer, names } : { peer, names: [] },
  )
  return answer === 'allow' && isOpener && isLesson(input, labels, endpoint.namespace, connection)
    ? 'undecided'
    : answer
}

/** DNS answers of a resolver, to a pod some of whose policies name peers by name, staged ones too. */
function isLesson(
  input: CompileInput,
  labels: Labels,
  namespace: string,
  { protocol, destination, destinationPort }: Connection,
): boolean {
  const resolvers = input.resolvers ?? []
  if (destinationPort !== 53 || (protocol !== 6 && protocol !== 17)) return false
  if (!resolvers.some((resolver) => same(resolver, destination))) return false
  return input.set.policies
    .filter((policy) => policy.namespace === namespace && holds(policy.podSelector, labels))
    .some(({ egress }) => egress?.some(({ peers }) => peers.some(({ kind }) => kind === 'fqdn')))
}

interface PeerOf {
  readonly peer: string
  readonly names: readonly string[]
}

function overAllApps(
  input: CompileInput,
  policies: readonly PolicyObject[],
  connection: Connection,
  who: PeerOf,
): Answer {
  const isOpener = connection.podSide === 'opener'
  const matching = policies.flatMap((policy) =>
    ((isOpener ? policy.egress : policy.ingress) ?? []).flatMap((rule) => {
      const how = matchesL4(input, policy.namespace, rule, connection, who)
      return how === 'no'
        ? []
        : [{ rule, isBound: how === 'name' && policy.fqdnBinding === 'strict' }]
    }),
  )
  const hasParsers = connection.protocol === 6 || connection.protocol === 17
  const apps = hasParsers ? [...APPS, 'unknown'] : ['unknown']
  const answers = new Set(apps.map((app) => ofApp(matching, app, policies.length > 0)))
  return answers.size === 1 ? ([...answers][0] ?? 'undecided') : 'undecided'
}

interface Matching {
  readonly rule: PolicyRule
  /** A request must be for the name that opened the address. */
  readonly isBound: boolean
}

function ofApp(rules: readonly Matching[], app: string, isolated: boolean): Answer {
  const sure = (action: string) =>
    rules.some((one) => one.rule.action === action && appMatch(one, app) === 'yes')
  const maybe = (action: string) =>
    rules.some((one) => one.rule.action === action && appMatch(one, app) === 'maybe')
  if (sure('deny')) return 'deny'
  if (isolated && !sure('allow') && !maybe('allow')) return 'deny'
  if ((sure('allow') || !isolated) && !maybe('deny')) return 'allow'
  return 'undecided'
}

const BOUND = ['http', 'tls', 'quic']

function appMatch({ rule, isBound }: Matching, app: string): 'yes' | 'no' | 'maybe' {
  if (rule.apps !== null && !rule.apps.includes(app)) return 'no'
  if (rule.blocks.length === 0) return isBound && BOUND.includes(app) ? 'maybe' : 'yes'
  return rule.blocks.some(({ block }) => BLOCK_APPS[block].includes(app)) ? 'maybe' : 'no'
}

function matchesL4(
  input: CompileInput,
  namespace: string,
  rule: PolicyRule,
  connection: Connection,
  { peer, names }: PeerOf,
): 'no' | 'address' | 'name' {
  const port = connection.destinationPort
  const ports = rule.ports.some(
    (range) =>
      'first' in range &&
      range.protocol === connection.protocol &&
      range.first <= port &&
      port <= range.last,
  )
  if (rule.ports.length > 0 && !ports) return 'no'
  if (rule.peers.length === 0) return 'address'
  if (rule.peers.some((one) => isPeer(input, namespace, one, peer))) return 'address'
  return rule.peers.some((one) => isNamed(one, names)) ? 'name' : 'no'
}

function isNamed(peer: Peer, names: readonly string[]): boolean {
  if (peer.kind !== 'fqdn') return false
  const pattern = peer.pattern.split('*').map((part) => part.replaceAll('.', '\\.'))
  return names.some((name) => new RegExp(`^${pattern.join('.*')}$`).test(name))
}

function isPeer(input: CompileInput, namespace: string, peer: Peer, address: string): boolean {
  if (peer.kind === 'block') {
    const { octets } = parseAddress(address)
    return (
      cidrContains(parseCidr(peer.cidr), octets) &&
      !peer.except.some((hole) => cidrContains(parseCidr(hole), octets))
    )
  }
  if (peer.kind === 'fqdn') return false
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
