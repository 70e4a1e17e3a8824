/** `vethwall.dev/v1` Policy documents: schema and reading into the model. */
import * as z from 'zod'
import { hostPatternFault, namePatternFault } from './host-name.js'
import { pathPatternFault } from './http-path.js'
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

export const POLICY_API_VERSION = 'vethwall.dev/v1'

/** An empty list could be read as "any" and as "none": it is neither, but an error. */
function listOf<T extends z.ZodType>(item: T) {
  return z.array(item).min(1, 'an empty list matches nothing: leave the key out for any')
}

function patternSchema(fault: (pattern: string) => string | null) {
  return z.string().superRefine((pattern, context) => {
    const message = fault(pattern)
    if (message !== null) context.addIssue({ code: 'custom', message })
  })
}

const methodSchema = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'a method is a token, as GET, or * for any')
const typeSchema = z.string().regex(/^[A-Za-z0-9*-]+$/, 'a DNS type is A, AAAA, TYPE65 or *')
const appSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]*$/, 'an app is lower case letters and digits, as http')
  .refine((app) => app !== 'unknown', 'no rule can name unknown apps: list the apps to allow')

const portSchema = z
  .strictObject({
    protocol: protocolSchema.default('TCP'),
    port: portNumberSchema.optional(),
    endPort: portNumberSchema.optional(),
  })
  .superRefine(({ port, endPort }, context) => {
    if (endPort === undefined) return
    if (port === undefined) {
      const message = 'endPort needs port: add the first port of the range'
      context.addIssue({ code: 'custom', path: ['endPort'], message })
    } else if (endPort < port) {
      const message = `below port ${port}: a range goes from port up to endPort`
      context.addIssue({ code: 'custom', path: ['endPort'], message })
    }
  })

const httpSchema = z.strictObject({
  methods: listOf(methodSchema).optional(),
  hosts: listOf(patternSchema(hostPatternFault)).optional(),
  paths: listOf(patternSchema(pathPatternFault)).optional(),
})
const tlsSchema = z.strictObject({ sni: listOf(patternSchema(hostPatternFault)).optional() })
const dnsSchema = z.strictObject({
  names: listOf(patternSchema(namePatternFault)).optional(),
  types: listOf(typeSchema).optional(),
})

const matchFields = {
  name: z
    .string()
    .min(1, 'a rule name has at least one character')
    .max(253, 'a rule name has at most 253 characters')
    .regex(/^[\x20-\x7e]+$/, 'a rule name is printable ASCII')
    .optional(),
  ports: z.array(portSchema).optional(),
  apps: listOf(appSchema).optional(),
  http: listOf(httpSchema).optional(),
  tls: listOf(tlsSchema).optional(),
  dns: listOf(dnsSchema).optional(),
  action: z.enum(['allow', 'deny']).default('allow'),
}
const ingressRuleSchema = z
  .strictObject({ ...matchFields, from: z.array(peerSchema).optional() })
  .superRefine(refineApps)
const egressRuleSchema = z
  .strictObject({ ...matchFields, to: z.array(peerSchema).optional() })
  .superRefine(refineApps)
const matchSchema = z.strictObject(matchFields)
type MatchDocument = z.infer<typeof matchSchema>
type RuleDocument = MatchDocument & { from?: unknown; to?: unknown }

export const BLOCK_APPS = ['http', 'tls', 'dns'] as const

function refineApps(rule: RuleDocument, context: z.RefinementCtx): void {
  for (const block of BLOCK_APPS) {
    if (rule[block] === undefined || rule.apps === undefined || rule.apps.includes(block)) continue
    const message = `can match nothing: apps lacks ${block}; add it there or leave apps out`
    context.addIssue({ code: 'custom', path: [block], message })
  }
}

export const policySchema = z.strictObject({
  apiVersion: z.literal(POLICY_API_VERSION),
  kind: z.literal('Policy'),
  metadata: metadataSchema,
  spec: z.strictObject({
    podSelector: selectorSchema,
    mode: z.enum(['discover', 'monitor', 'protect']).optional(),
    failure: z.enum(['open', 'closed']).optional(),
    staged: z.boolean().default(false),
    ingress: z.array(ingressRuleSchema).optional(),
    egress: z.array(egressRuleSchema).optional(),
  }),
})

export function policyOf(document: z.infer<typeof policySchema>, file: string): PolicyObject {
  const { metadata, spec } = document
  return {
    kind: 'Policy',
    namespace: metadata.namespace,
    name: metadata.name,
    file,
    podSelector: selectorOf(spec.podSelector),
    mode: spec.mode ?? null,
    failure: spec.failure ?? null,
    staged: spec.staged,
    ingress: spec.ingress?.map((rule, i) => ruleOf(rule, rule.from ?? [], i)) ?? null,
    egress: spec.egress?.map((rule, i) => ruleOf(rule, rule.to ?? [], i)) ?? null,
  }
}

function ruleOf(
  rule: MatchDocument,
  peers: readonly z.infer<typeof peerSchema>[],
  index: number,
): PolicyRule {
  return {
    name: rule.name ?? String(index),
    action: rule.action,
    peers: peers.map(peerOf),
    ports: (rule.ports ?? []).map(portOf),
    apps: rule.apps ?? null,
    http: (rule.http ?? []).map(({ methods, hosts, paths }) => ({
      methods: methods ?? null,
      hosts: hosts ?? null,
      paths: paths ?? null,
    })),
    tls: (rule.tls ?? []).map(({ sni }) => ({ sni: sni ?? null })),
    dns: (rule.dns ?? []).map(({ names, types }) => ({
      names: names ?? null,
      types: types ?? null,
    })),
  }
}

function portOf({ protocol, port, endPort }: z.infer<typeof portSchema>): Port {
  const first = port ?? 0
  return { protocol: TRANSPORTS[protocol], first, last: endPort ?? port ?? 65535 }
}
