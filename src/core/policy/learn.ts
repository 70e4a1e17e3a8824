/** What an endpoint was seen to do, as a Policy document that allows just that. */
import { stringify } from 'yaml'
import type { Mode } from '../endpoint.js'
import { canonicalHost, canonicalName, hostPatternFault, namePatternFault } from './host-name.js'
import { type Labels, NAMESPACE_NAME_LABEL } from './label-selector.js'
import { type Direction, TRANSPORTS } from './model.js'
import { POLICY_API_VERSION } from './policy-schema.js'

export type LearnedPeer =
  | { readonly namespace: string; readonly labels: Labels }
  | { readonly cidr: string }

/** One thing seen; the same thing is seen once. */
export interface LearnedTuple {
  readonly direction: Direction
  readonly peer: LearnedPeer
  /** IPPROTO_* */
  readonly protocol: number
  /** The receiver's port. */
  readonly port: number
  /** null or 'unknown' = any app. */
  readonly app: string | null
  /** http: host, tls: SNI, dns: name. */
  readonly name?: string
}

export interface LearnedEndpoint {
  readonly namespace: string
  readonly pod: string
  readonly labels: Labels
  readonly tuples: readonly LearnedTuple[]
  /** Of the policy to print; default monitor, so that importing it breaks nothing. */
  readonly mode?: Mode
}

/** Labels that tell one pod of a workload from its siblings. */
const PER_POD_LABELS = [
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'statefulset.kubernetes.io/pod-name',
  'apps.kubernetes.io/pod-index',
  'batch.kubernetes.io/job-completion-index',
  'batch.kubernetes.io/controller-uid',
  'controller-uid',
]
/** The block of an app, and its field for the name. */
const NAMED_BY: Readonly<Record<string, string>> = { http: 'hosts', tls: 'sni', dns: 'names' }
const OBJECT_NAME_MAX = 253

interface LearnedRule {
  readonly first: LearnedTuple
  readonly names: Set<string>
}

export function learnedPolicy(endpoint: LearnedEndpoint): string {
  const leftOut: string[] = []
  const rules = { ingress: [] as object[], egress: [] as object[] }
  for (const rule of groupTuples(endpoint.tuples, leftOut)) {
    rules[rule.first.direction].push(ruleDocument(rule))
  }
  const document = {
    apiVersion: POLICY_API_VERSION,
    kind: 'Policy',
    metadata: { name: policyName(endpoint.pod), namespace: endpoint.namespace },
    spec: { podSelector: selectorOf(endpoint.labels), mode: endpoint.mode ?? 'monitor', ...rules },
  }
  return headOf(endpoint, leftOut) + stringify(document, { lineWidth: 0 })
}

function headOf(endpoint: LearnedEndpoint, leftOut: readonly string[]): string {
  const { namespace, pod } = endpoint
  const lines = [`Learned from ${namespace}/${pod}: allows what was seen, denies the rest.`]
  if (Object.keys(stableLabels(endpoint.labels)).length === 0) {
    lines.push(`The pod has no labels: this selects every pod of namespace ${namespace}.`)
  }
  lines.push(
    ...[...new Set(leftOut)].sort().map((what) => `Left out, as no rule can name it: ${what}`),
  )
  return lines.map((line) => `# ${line}\n`).join('')
}

/** One rule per peer, port and app; its names make one list. */
function groupTuples(tuples: readonly LearnedTuple[], leftOut: string[]): LearnedRule[] {
  const groups = new Map<string, LearnedRule>()
  for (const tuple of tuples) {
    const name = nameOf(tuple)
    const transport = transportOf(tuple)
    // Without ports a rule would let in every protocol, and ports are all that names one.
    if (name === null || transport === undefined) {
      const what = transport === undefined ? `protocol ${tuple.protocol}` : tuple.app
      const where = transport === undefined ? peerKey(tuple.peer) : JSON.stringify(tuple.name)
      leftOut.push(`${tuple.direction} ${what} ${where}`)
      continue
    }
    const { direction, peer, protocol, port, app } = tuple
    const named = name !== ''
    const key = JSON.stringify([direction, peerKey(peer), protocol, port, app, named])
    const known = groups.get(key)
    if (known !== undefined) known.names.add(name)
    else groups.set(key, { first: tuple, names: new Set([name]) })
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule)
}

function peerKey(peer: LearnedPeer): string {
  return 'cidr' in peer ? peer.cidr : JSON.stringify([peer.namespace, stableLabels(peer.labels)])
}

function transportOf({ protocol }: LearnedTuple): string | undefined {
  return Object.entries(TRANSPORTS).find(([, number]) => number === protocol)?.[0]
}

/** Empty = no name seen; null = one that a pattern cannot say, or that would say more. */
function nameOf({ app, name }: LearnedTuple): string | null {
  if (app === null || NAMED_BY[app] === undefined || name === undefined || name === '') return ''
  const canonical = app === 'dns' ? canonicalName(name) : canonicalHost(name)
  if (canonical === null || canonical.includes('*')) return null
  const fault = app === 'dns' ? namePatternFault(canonical) : hostPatternFault(canonical)
  return fault === null ? canonical : null
}

function ruleDocument({ first, names }: LearnedRule): object {
  const peers = first.direction === 'ingress' ? 'from' : 'to'
  const ports = [{ protocol: transportOf(first), port: first.port }]
  return { [peers]: [peerDocument(first.peer)], ports, ...appDocument(first.app, names) }
}

function appDocument(app: string | null, names: ReadonlySet<string>): object {
  if (app === null || app === 'unknown') return {}
  const field = NAMED_BY[app]
  const list = [...names].filter((name) => name !== '').sort()
  return field === undefined || list.length === 0 ? { apps: [app] } : { [app]: [{ [field]: list }] }
}

function peerDocument(peer: LearnedPeer): object {
  if ('cidr' in peer) return { ipBlock: { cidr: peer.cidr } }
  return {
    namespaceSelector: { matchLabels: { [NAMESPACE_NAME_LABEL]: peer.namespace } },
    podSelector: selectorOf(peer.labels),
  }
}

function selectorOf(labels: Labels): object {
  const stable = stableLabels(labels)
  return Object.keys(stable).length === 0 ? {} : { matchLabels: stable }
}

function stableLabels(labels: Labels): Labels {
  const kept = Object.entries(labels).filter(([key]) => !PER_POD_LABELS.includes(key))
  return Object.fromEntries(kept.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** RFC 1123 subdomain from a pod name, which a runtime may have made of a container id. */
function policyName(pod: string): string {
  const safe = pod
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, OBJECT_NAME_MAX - 'learned-'.length)
  return `learned-${safe.replace(/^-+|-+$/g, '') || 'pod'}`
}
