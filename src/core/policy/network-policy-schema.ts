/** `networking.k8s.io/v1` NetworkPolicy documents, as the API server accepts and prints them. */
import * as z from 'zod'
import { type PolicyObject, type PolicyRule, type Port, TRANSPORTS } from './model.js'
import {
  metadataSchema,
  peerOf,
  peerSchema,
  portNumberSchema,
  protocolSchema,
  selectorOf,
  selectorSchema,
} from './schema.js'

export const NETWORK_POLICY_API_VERSION = 'networking.k8s.io/v1'

/** IANA_SVC_NAME, RFC 6335 §5.1. */
const portNameSchema = z
  .string()
  .regex(
    /^(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/,
    'a port name is at most 15 lower case letters, digits and single -',
  )

const portSchema = z
  .strictObject({
    protocol: protocolSchema.nullish(),
    port: z.union([portNumberSchema, portNameSchema]).nullish(),
    endPort: portNumberSchema.nullish(),
  })
  .superRefine(({ port, endPort }, context) => {
    if (endPort === null || endPort === undefined) return
    if (typeof port !== 'number') {
      const message = 'endPort needs a port number: add the first port of the range'
      context.addIssue({ code: 'custom', path: ['endPort'], message })
    } else if (endPort < port) {
      const message = `below port ${port}: a range goes from port up to endPort`
      context.addIssue({ code: 'custom', path: ['endPort'], message })
    }
  })
const portsSchema = z.array(portSchema).nullish()
const peersSchema = z.array(peerSchema).nullish()

export const networkPolicySchema = z.strictObject({
  apiVersion: z.literal(NETWORK_POLICY_API_VERSION),
  kind: z.literal('NetworkPolicy'),
  metadata: metadataSchema,
  spec: z.strictObject({
    // Required up to Kubernetes 1.33, since then absent = {}.
    podSelector: selectorSchema.nullish(),
    policyTypes: z.array(z.enum(['Ingress', 'Egress'])).nullish(),
    ingress: z.array(z.strictObject({ ports: portsSchema, from: peersSchema })).nullish(),
    egress: z.array(z.strictObject({ ports: portsSchema, to: peersSchema })).nullish(),
  }),
  status: z.unknown().optional(),
})

export function networkPolicyOf(
  document: z.infer<typeof networkPolicySchema>,
  file: string,
): PolicyObject {
  const { metadata, spec } = document
  const ingress = (spec.ingress ?? []).map((rule, i) => ruleOf(i, rule.from, rule.ports))
  const egress = (spec.egress ?? []).map((rule, i) => ruleOf(i, rule.to, rule.ports))
  const given = spec.policyTypes ?? []
  // The API's default: Ingress always, Egress where there is an egress rule.
  const types = given.length > 0 ? given : ['Ingress', ...(egress.length > 0 ? ['Egress'] : [])]
  return {
    kind: 'NetworkPolicy',
    namespace: metadata.namespace,
    name: metadata.name,
    file,
    podSelector: selectorOf(spec.podSelector ?? {}),
    mode: 'protect',
    failure: null,
    staged: false,
    fqdnBinding: 'strict',
    ingress: types.includes('Ingress') ? ingress : null,
    egress: types.includes('Egress') ? egress : null,
  }
}

function ruleOf(
  index: number,
  peers: z.infer<typeof peersSchema>,
  ports: z.infer<typeof portsSchema>,
): PolicyRule {
  return {
    name: String(index),
    action: 'allow',
    peers: (peers ?? []).map(peerOf),
    ports: (ports ?? []).map(portOf),
    apps: null,
    blocks: [],
  }
}

function portOf(document: z.infer<typeof portSchema>): Port {
  const protocol = TRANSPORTS[document.protocol ?? 'TCP']
  const { port, endPort } = document
  if (typeof port === 'string') return { protocol, name: port }
  return { protocol, first: port ?? 0, last: endPort ?? port ?? 65535 }
}
