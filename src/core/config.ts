/** dpd.yaml: what an operator may set, with its defaults. Unknown keys are errors with their place. */
import * as z from 'zod'
import { readAddress } from './address.js'
import { DEFAULT_INSTANCE } from './instance.js'
import { NAME_GRACE_SECONDS } from './policy/name-book.js'
import {
  type DocumentError,
  documentError,
  parseYaml,
  type Reading,
  readDocument,
  type TextFile,
} from './yaml-document.js'

const absolutePath = z.string().regex(/^\//, 'write an absolute path')
const address = z.string().refine((text) => readAddress(text) !== null, 'write an IP address')
const MIB = 1024 * 1024

function isLoopback(host: string): boolean {
  return host === '::1' || host.startsWith('127.')
}

/** `127.0.0.1:9464` or `[::1]:9464`. */
const loopbackAddress = z.string().transform((text, context) => {
  const match = /^(?:\[([0-9a-f:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3] ?? 0)
  if (readAddress(host) !== null && isLoopback(host) && port >= 1 && port <= 65535) {
    return { host, port }
  }
  context.addIssue({
    code: 'custom',
    message: 'write a loopback address with port, as 127.0.0.1:9464: metrics name pods and peers',
  })
  return z.NEVER
})

/** A core each, and one more for what is decided in JavaScript. */
export const SHARDS_MAX = 64

/** Each is a copy of the packet. */
export const TUNNEL_DEPTH_MAX = 8
/** IANA's, and Linux's from before it was assigned. */
const VXLAN_PORTS = [4789, 8472]
const GENEVE_PORTS = [6081]
const port = z.int().min(1).max(65535)

/** libcni's, which containerd, CRI-O and podman leave as it is. */
const CNI_CACHE_DIRS = ['/var/lib/cni/results']
const podGlob = z.string().regex(/^[^/]+\/[^/]+$/, 'write namespace/pod; * = any run of characters')

const configSchema = z.strictObject({
  policyDir: absolutePath.optional(),
  endpointsDir: absolutePath.optional(),
  defaults: z
    .strictObject({
      mode: z.enum(['discover', 'monitor', 'protect']).default('discover'),
      failure: z.enum(['open', 'closed']).optional(),
    })
    .default({ mode: 'discover' }),
  /** allow: ingress from this node's own addresses passes (kubelet probes); policy: it is judged. */
  nodeTraffic: z.enum(['allow', 'policy']).default('allow'),
  /** Absent: the host's interfaces. */
  nodeAddresses: z.array(address).optional(),
  /** Who answers DHCP, relays too; of a family of which none is named, anybody. */
  dhcpServers: z.array(address).default([]),
  spoofing: z
    .strictObject({
      /** Pods that forward: they send under other addresses than their own. */
      allow: z.array(podGlob).default([]),
    })
    .default({ allow: [] }),
  driver: z.enum(['auto', 'bpf', 'tc', 'nfqueue']).default('auto'),
  runningPods: z
    .strictObject({
      /** Those that ran before dpd, without being told: none, all, or the globs'. */
      adopt: z.union([z.enum(['never', 'all']), z.array(podGlob)]).default('never'),
      cacheDirs: z.array(absolutePath).default([...CNI_CACHE_DIRS]),
    })
    .default({ adopt: 'never', cacheDirs: [...CNI_CACHE_DIRS] }),
  inspection: z
    .strictObject({
      /** Pods whose flows are read deeper than the rules need: the deepest that names a pod holds. */
      identify: z.array(podGlob).default([]),
      transactions: z.array(podGlob).default([]),
      content: z.array(podGlob).default([]),
      /** Pods whose `lo` is an endpoint too: sidecars speak in clear there. */
      loopback: z.array(podGlob).default([]),
      /** Threads that flows are spread over; absent: by the node's CPUs. */
      shards: z.int().min(1).max(SHARDS_MAX).optional(),
      /** Tunnels within tunnels whose packets are judged by what they carry; 0 = none. */
      tunnelDepth: z.int().min(0).max(TUNNEL_DEPTH_MAX).default(2),
      vxlanPorts: z.array(port).default([...VXLAN_PORTS]),
      genevePorts: z.array(port).default([...GENEVE_PORTS]),
    })
    .default({
      ...{ identify: [], transactions: [], content: [], loopback: [], tunnelDepth: 2 },
      ...{ vxlanPorts: [...VXLAN_PORTS], genevePorts: [...GENEVE_PORTS] },
    }),
  fqdn: z
    .strictObject({
      /** DNS servers of the pods, whose answers `fqdn` peers go by. Absent: the node's. */
      resolvers: z.array(address).optional(),
      /** An address is still good so long after its TTL. */
      graceSeconds: z.int().min(0).max(86_400).default(NAME_GRACE_SECONDS),
    })
    .default({ graceSeconds: NAME_GRACE_SECONDS }),
  metrics: z.strictObject({ listen: loopbackAddress.optional() }).default({}),
  events: z
    .strictObject({
      file: absolutePath.nullable().default(null),
      perSecond: z.int().min(1).max(1_000_000).default(5000),
      rotateOctets: z
        .int()
        .min(4096)
        .default(64 * MIB),
      keep: z.int().min(1).max(100).default(5),
    })
    .default({ file: null, perSecond: 5000, rotateOctets: 64 * MIB, keep: 5 }),
  log: z
    .strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') })
    .default({ level: 'info' }),
})
type ConfigFile = z.infer<typeof configSchema>

export interface Config extends ConfigFile {
  readonly policyDir: string
  readonly endpointsDir: string
}

/** `/etc/<instance>`: two instances of one node share no policy by accident. */
export function configDirectory(instance: string): string {
  return `/etc/${instance === '' ? DEFAULT_INSTANCE : instance}`
}

function withPaths(config: ConfigFile, instance: string): Config {
  const directory = configDirectory(instance)
  return {
    ...config,
    policyDir: config.policyDir ?? `${directory}/policy.d`,
    endpointsDir: config.endpointsDir ?? `${directory}/endpoints.d`,
  }
}

export function defaultConfig(instance: string): Config {
  return withPaths(configSchema.parse({}), instance)
}

export function readConfig(file: TextFile, instance: string): Reading<Config> {
  const parsed = parseYaml(file)
  if (!parsed.ok) return parsed
  const [document, second] = parsed.value
  if (document === undefined) return { ok: true, value: defaultConfig(instance) }
  if (second !== undefined) {
    const errors: DocumentError[] = [
      documentError(second, [], 'a second YAML document: dpd.yaml is one, remove the `---`'),
    ]
    return { ok: false, errors }
  }
  const reading = readDocument(configSchema, document)
  return reading.ok ? { ok: true, value: withPaths(reading.value, instance) } : reading
}
