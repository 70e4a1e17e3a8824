/** Random policies, endpoints and connections from a seed: the same seed, the same case. */
import type { CompileInput, PolicyEndpoint } from '../../../src/core/policy/compile.js'
import type { EndpointsDirectory } from '../../../src/core/policy/endpoints-directory.js'
import type { Connection } from '../../../src/core/policy/evaluate.js'
import { setOf } from './fixture.js'

/** mulberry32. */
export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return ((z ^ (z >>> 14)) >>> 0) % limit
  }

  chance(percent: number): boolean {
    return this.below(100) < percent
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new RangeError('pick from an empty list')
    return item
  }

  some<T>(items: readonly T[], most: number): T[] {
    return Array.from({ length: 1 + this.below(most) }, () => this.pick(items))
  }
}

const NAMESPACES = ['a', 'b', 'c']
const APPS = ['http', 'tls', 'dns', 'redis', 'mysql']
const KEYS = ['app', 'tier', 'constructor']
const VALUES = ['x', 'y', 'z']
const PORTS = [53, 80, 81, 443, 8080]

function labels(random: Random): Record<string, string> {
  const count = random.below(3)
  return Object.fromEntries(
    Array.from({ length: count }, () => [random.pick(KEYS), random.pick(VALUES)]),
  )
}

function selector(random: Random): object {
  if (random.chance(45)) return {}
  const expressions = Array.from({ length: random.below(2) }, () => {
    const operator = random.pick(['In', 'NotIn', 'Exists', 'DoesNotExist'])
    const values = operator.endsWith('In') ? { values: random.some(VALUES, 2) } : {}
    return { key: random.pick(KEYS), operator, ...values }
  })
  return { matchLabels: labels(random), matchExpressions: expressions }
}

function namespaceSelector(random: Random): object {
  if (random.chance(60)) return selector(random)
  return { matchLabels: { 'kubernetes.io/metadata.name': random.pick(NAMESPACES) } }
}

function address(random: Random): string {
  const last = random.below(32)
  return random.chance(50) ? `10.1.0.${last}` : `fd00::${last.toString(16)}`
}

function ipBlock(random: Random): object {
  if (random.chance(50)) {
    const bits = 24 + random.below(9)
    const except = bits < 30 && random.chance(50) ? { except: ['10.1.0.8/31', '10.1.0.4/30'] } : {}
    return bits <= 27 ? { cidr: `10.1.0.0/${bits}`, ...except } : { cidr: `10.1.0.16/${bits}` }
  }
  const bits = 112 + random.below(17)
  return bits <= 123
    ? { cidr: `fd00::/${bits}`, ...(random.chance(50) ? { except: ['fd00::8/125'] } : {}) }
    : { cidr: `fd00::10/${bits}` }
}

const PATTERNS = ['*.example', 'n3.example', 'even.*', 'n1*.example', '*v*n*', 'none.example', '*']

/** What an address of the random ones is called. */
export function randomNames(address: string): string[] {
  const last = address.includes(':')
    ? Number.parseInt(address.slice(address.lastIndexOf(':') + 1) || '0', 16)
    : Number(address.slice(address.lastIndexOf('.') + 1))
  if (last % 3 === 0) return []
  return [`n${last}.example`, ...(last % 2 === 0 ? ['even.test'] : [])]
}

function peer(random: Random, side: 'from' | 'to'): object {
  if (side === 'to' && random.chance(30)) return { fqdn: random.pick(PATTERNS) }
  const kind = random.below(4)
  if (kind === 0) return { ipBlock: ipBlock(random) }
  if (kind === 1) return { podSelector: selector(random) }
  if (kind === 2) return { namespaceSelector: namespaceSelector(random) }
  return { podSelector: selector(random), namespaceSelector: namespaceSelector(random) }
}

function port(random: Random): object {
  const protocol = random.pick(['TCP', 'TCP', 'UDP', 'SCTP'])
  if (random.chance(15)) return { protocol }
  const number = random.pick(PORTS)
  return random.chance(20)
    ? { protocol, port: number, endPort: number + random.below(400) }
    : { protocol, port: number }
}

function layer7(random: Random): object {
  if (random.chance(50)) return {}
  if (random.chance(50)) return { apps: random.some(APPS, 3) }
  return random.pick([
    { http: [{ methods: ['GET'] }] },
    { tls: [{ sni: ['*.example.com'] }] },
    { dns: [{ names: ['example.com'] }], http: [{ hosts: ['example.com'] }] },
    { apps: ['http', 'redis'], http: [{ paths: ['/a'] }] },
    { grpc: [{ services: ['shop.Cart'] }] },
    { sql: [{ verbs: ['SELECT'] }], redis: [{ keys: ['a'] }] },
    { apps: ['mysql'], sql: [{}] },
    { kafka: [{ topics: ['a'] }] },
  ])
}

function rule(random: Random, peers: 'from' | 'to'): object {
  return {
    ...(random.chance(60)
      ? { [peers]: Array.from({ length: random.below(3) }, () => peer(random, peers)) }
      : {}),
    ...(random.chance(60)
      ? { ports: Array.from({ length: random.below(3) }, () => port(random)) }
      : {}),
    ...layer7(random),
    ...(random.chance(25) ? { action: 'deny' } : {}),
  }
}

function rules(random: Random, peers: 'from' | 'to', most: number): object[] {
  return Array.from({ length: random.below(most + 1) }, () => rule(random, peers))
}

/** Of a list: enough that it is looked up by an index, not rule by rule. */
export const MANY_RULES = 60
const FEW_RULES = 3

/** One file: JSON documents, which are YAML. */
export function randomPolicies(random: Random, mostRules = FEW_RULES): string {
  const count = 1 + random.below(5)
  const documents = Array.from({ length: count }, (_, i) => ({
    apiVersion: 'vethwall.dev/v1',
    kind: 'Policy',
    metadata: { name: `p${i}`, namespace: random.pick(NAMESPACES) },
    spec: {
      podSelector: selector(random),
      ...(random.chance(10) ? { staged: true } : {}),
      ...(random.chance(40) ? { fqdnBinding: 'loose' } : {}),
      ...(random.chance(60) ? { ingress: rules(random, 'from', mostRules) } : {}),
      ...(random.chance(60) ? { egress: rules(random, 'to', mostRules) } : {}),
    },
  }))
  return documents.map((document) => JSON.stringify(document)).join('\n---\n')
}

export function randomEndpoints(random: Random): PolicyEndpoint[] {
  return Array.from({ length: 1 + random.below(6) }, (_, i) => ({
    id: 1 + i * 3,
    namespace: random.pick(NAMESPACES),
    pod: `pod-${i}`,
    ...(random.chance(80) ? { labels: labels(random) } : {}),
    addresses: [`10.1.0.${i}/24`, `fd00::${i}/64`],
  }))
}

export function randomDirectory(random: Random): EndpointsDirectory {
  return {
    namespaces: NAMESPACES.map((name) => ({ name, labels: labels(random) })),
    pods: Array.from({ length: random.below(8) }, (_, i) => ({
      namespace: random.pick(NAMESPACES),
      name: random.pick(['pod-*', 'pod-1', `other-${i}`]),
      labels: labels(random),
      addresses: random.chance(70) ? [address(random)] : [],
    })),
  }
}

export function randomConnection(random: Random): Connection {
  const source = address(random)
  let destination = address(random)
  while (destination.includes(':') !== source.includes(':')) destination = address(random)
  return {
    podSide: random.chance(50) ? 'opener' : 'receiver',
    protocol: random.pick([6, 6, 6, 17, 17, 1, 58, 132, 47]),
    source,
    destination,
    destinationPort: random.chance(80) ? random.pick(PORTS) : random.below(65536),
  }
}

export function randomInput(random: Random, text: string, generation: number): CompileInput {
  return {
    set: setOf(text),
    generation,
    resolvers: ['10.1.0.7', '10.1.0.20', 'fd00::b'],
    defaults: { mode: 'protect' },
    nodeAddresses: ['10.1.0.30', 'fd00::1e'],
    nodeTraffic: random.pick(['allow', 'policy'] as const),
    directory: randomDirectory(random),
    endpoints: randomEndpoints(random),
    quarantined: new Set(random.chance(10) ? [1] : []),
  }
}
