/** Flows as /v1/flows lists and follows them and as `why` explains them. */
import * as z from 'zod'
import { modeSchema } from './endpoint.js'
import { protocolSchema } from './protocol.js'

export const verdictSchema = z.enum(['allow', 'deny', 'undecided'])
const fieldsSchema = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly()]),
)
const countsSchema = z.object({
  packets: z.object({ orig: z.number(), reply: z.number() }),
  octets: z.object({ orig: z.number(), reply: z.number() }),
})

/** Who is at the other end, as far as labels and addresses tell. */
export const peerViewSchema = z.object({
  address: z.string(),
  /** `namespace/name` of a known pod, `node`, `self`, or null. */
  name: z.string().nullable(),
})

export const tunnelSchema = z.object({
  kind: z.enum(['ip', 'gre', 'vxlan', 'geneve']),
  id: z.int(),
  peer: z.string(),
})

/** What decided, in words: `rule` is `namespace/policy/rule` or one of the verdicts no document states. */
export const decisionSchema = z.object({
  verdict: verdictSchema,
  policy: z.string().nullable(),
  rule: z.string(),
  reason: z.string(),
  generation: z.int(),
})
export type Decision = z.infer<typeof decisionSchema>

export const transactionViewSchema = z.object({
  tx: z.int(),
  fields: fieldsSchema,
  decision: decisionSchema,
})

export const flowViewSchema = z.object({
  flow: z.int(),
  endpoint: z.int(),
  namespace: z.string(),
  pod: z.string(),
  ifName: z.string(),
  /** The pod's point of view, as in policy. */
  direction: z.enum(['ingress', 'egress']),
  protocol: z.int(),
  source: z.string(),
  sourcePort: z.int(),
  destination: z.string(),
  destinationPort: z.int(),
  vlan: z.int(),
  /** Of a flow that came out of a tunnel: `id` is its VNI or key, `peer` its other end. */
  tunnel: tunnelSchema.optional(),
  peer: peerViewSchema,
  app: z.string().nullable(),
  start: z.enum(['syn', 'datagram', 'midstream']),
  mode: modeSchema,
  /** What happened to the traffic; in monitor and discover that is always allow. */
  verdict: verdictSchema,
  /** What protect would have done, where mode is not protect. */
  would: verdictSchema.nullable(),
  decision: decisionSchema,
  fields: fieldsSchema,
  transactions: z.array(transactionViewSchema),
  transactionsTotal: z.int(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
  how: z.enum(['fin', 'rst', 'idle', 'evicted', 'denied']).nullable(),
  counts: countsSchema.nullable(),
  /** Where a live flow's frames pass; null when it has ended. */
  runs: z.enum(['kernel', 'engine']).nullable(),
  /** What keeps it there. */
  runsWhy: z.string(),
})
export type FlowView = z.infer<typeof flowViewSchema>

export const flowsAnswerSchema = z.object({
  protocol: protocolSchema,
  flows: z.array(flowViewSchema),
})
/** One line of `?follow=1`. */
export const flowLineSchema = z.object({
  protocol: protocolSchema,
  event: z.enum(['opened', 'judged', 'closed']),
  flow: flowViewSchema,
})

export const flowQuerySchema = z.strictObject({
  verdict: z.enum(['allow', 'deny', 'undecided', 'would-deny']).optional(),
  pod: z.string().min(1).max(600).optional(),
  app: z.string().min(1).max(64).optional(),
  state: z.enum(['live', 'ended', 'all']).default('all'),
  limit: z.coerce.number().int().min(1).max(20_000).default(1000),
  follow: z.enum(['0', '1']).default('0'),
})
export type FlowQuery = z.infer<typeof flowQuerySchema>

export const whyAnswerSchema = z.object({
  protocol: protocolSchema,
  flow: flowViewSchema,
  /** Whole sentences, most important first. */
  because: z.array(z.string()),
})
