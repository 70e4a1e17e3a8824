/** What a packet may be led through, and the policy and settings that lead it there. */

/** In the order of tables and charts. */
export const PATH_NAMES = [
  'plain',
  'nft',
  'direct',
  'tap',
  'tap-content',
  'inline',
  'inline-content',
  'nfqueue',
  'nfqueue-content',
] as const
export type PathName = (typeof PATH_NAMES)[number]

export const PATHS: Readonly<Record<PathName, string>> = {
  plain: 'the bridge plugin alone',
  nft: 'the bridge plugin, and nftables in the node: conntrack, everything accepted',
  direct: 'intercepted, not inspected: no dpd',
  tap: 'a copy of undecided flows to dpd, mode monitor',
  'tap-content': 'a copy of every octet to the parsers',
  inline: 'mode protect, decided flows leave user space',
  'inline-content': 'mode protect, every octet through dpd and to the parsers',
  nfqueue: "rules in the pod's namespace, mode protect, decided flows bypass the queue",
  'nfqueue-content': "rules in the pod's namespace, every octet through dpd and to the parsers",
}

/** Those that a dpd judges. */
export type JudgedPath = Exclude<PathName, 'plain' | 'nft' | 'direct'>

export function isJudged(path: PathName): path is JudgedPath {
  return path !== 'plain' && path !== 'nft' && path !== 'direct'
}

export const isTap = (path: PathName): boolean => path.startsWith('tap')
export const isByRules = (path: PathName): boolean => path.startsWith('nfqueue')

export const PORTS = {
  iperf: 5201,
  echo: 5300,
  /** Its server is pinned to a CPU. */
  pinnedEcho: 5301,
  redis: 6379,
  /** Allowed as HTTP, of whatever method and path. */
  http: 80,
  /** Allowed as TLS. */
  tls: 443,
  /** HTTP allowed by its port: decided at the SYN. */
  port: 81,
  /** HTTP whose every request is judged by method and path. */
  requests: 8080,
} as const

const DECIDED_AT_SYN = [PORTS.iperf, PORTS.echo, PORTS.pinnedEcho, PORTS.redis, PORTS.port]

/** The same rules on every judged path; only the mode differs. */
export function policyOf(path: JudgedPath): string {
  const mode = isTap(path) ? 'monitor' : 'protect'
  const ports = DECIDED_AT_SYN.map((port) => `{ port: ${port} }`).join(', ')
  return `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: ${path}, namespace: default }
spec:
  podSelector: { matchLabels: { path: ${path} } }
  mode: ${mode}
  ingress:
    - { name: ports, ports: [${ports}, { port: ${PORTS.iperf}, protocol: UDP }] }
    - { name: http, ports: [{ port: ${PORTS.http} }], apps: [http] }
    - { name: tls, ports: [{ port: ${PORTS.tls} }], apps: [tls] }
    - { name: requests, ports: [{ port: ${PORTS.requests} }], http: [{ methods: [GET], paths: ['/items/*'] }] }
`
}

/** endpoints.d: each server is a pod of the name of its path. */
export function endpointsOf(paths: readonly PathName[]): string {
  const pods = paths.map(
    (path) => `  - { namespace: default, name: ${path}, labels: { path: ${path} } }`,
  )
  return `pods:\n${pods.join('\n')}\n`
}

export function dpdConfigOf(paths: readonly PathName[]): string {
  const content = paths.filter((path) => path.endsWith('-content')).map((path) => `default/${path}`)
  return `inspection: { content: [${content.join(', ')}] }\n`
}
