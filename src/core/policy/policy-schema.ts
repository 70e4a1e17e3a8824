/** `vethwall.dev/v1` Policy documents: schema and reading into the model. */
import * as z from 'zod'
import { blockSchemas, entriesOf, listOf, refineApps } from './block-schema.js'
import { type PolicyObject, type PolicyRule, type Port, TRANSPORTS } from './model.js'
import {
  egressPeerSchema,
  metadataSchema,
  type PeerDocument,
  peerOf,
  peerSchema,
  portNumberSchema,
  protocolSchema,
  selectorOf,
  selectorSchema,
} from './schema.js'

export const POLICY_API_VERSION = 'vethwall.dev/v1'

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

const matchFields = {
  name: z
    .string()
    .min(1, 'a rule name has at least one character')
    .max(253, 'a rule name has at most 253 characters')
    .regex(/^[\x20-\x7e]+$/, 'a rule name is printable ASCII')
    .optional(),
  ports: z.array(portSchema).optional(),
  apps: listOf(appSchema).optional(),
  ...blockSchemas,
  action: z.enum(['allow', 'deny']).default('allow'),
}
const ingressRuleSchema = z
  .strictObject({ ...matchFields, from: z.array(peerSchema).optional() })
  .superRefine(refineApps)
const egressRuleSchema = z
  .strictObject({ ...matchFields, to: z.array(egressPeerSchema).optional() })
  .superRefine(refineApps)
const matchSchema = z.strictObject(matchFields)
type MatchDocument = z.infer<typeof matchSchema>

export const policySchema = z.strictObject({
  apiVersion: z.literal(POLICY_API_VERSION),
  kind: z.literal('Policy'),
  metadata: metadataSchema,
  spec: z.strictObject({
    podSelector: selectorSchema,
    mode: z.enum(['discover', 'monitor', 'protect']).optional(),
    failure: z.enum(['open', 'closed']).optional(),
    staged: z.boolean().default(false),
    fqdnBinding: z.enum(['strict', 'loose']).default('strict'),
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
    fqdnBinding: spec.fqdnBinding,
    ingress: spec.ingress?.map((rule, i) => ruleOf(rule, rule.from ?? [], i)) ?? null,
    egress: spec.egress?.map((rule, i) => ruleOf(rule, rule.to ?? [], i)) ?? null,
  }
}

function ruleOf(rule: MatchDocument, peers: readonly PeerDocument[], index: number): PolicyRule {
  return {
    name: rule.name ?? String(index),
    action: rule.action,
    peers: peers.map(peerOf),
    ports: (rule.ports ?? []).map(portOf),
    apps: rule.apps ?? null,
    blocks: entriesOf(rule),
  }
}

function portOf({ protocol, port, endPort }: z.infer<typeof portSchema>): Port {
  const first = port ?? 0
  return { protocol: TRANSPORTS[protocol], first, last: endPort ?? port ?? 65535 }
}
