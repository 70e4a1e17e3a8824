/** The plugin's notice of an endpoint (POST and DELETE /v1/endpoints) and the list that people read. */
import * as z from 'zod'
import { endpointRecordSchema } from '../endpoint-record.js'
import { protocolSchema } from './protocol.js'

export const modeSchema = z.enum(['discover', 'monitor', 'protect'])
export const failureSchema = z.enum(['open', 'closed'])
export const pathSchema = z.enum(['direct', 'tap', 'inline', 'quarantine'])
export const driverSchema = z.enum(['bpf', 'tc', 'nfqueue', 'ovs'])

export const endpointNoticeSchema = z.object({
  protocol: protocolSchema,
  record: endpointRecordSchema,
})
export const endpointAnswerSchema = z.object({
  protocol: protocolSchema,
  path: pathSchema,
  mode: modeSchema,
})
export type EndpointAnswer = z.infer<typeof endpointAnswerSchema>

export const quarantineSchema = z.object({
  /** null = none was given. */
  reason: z.string().nullable(),
  /** ISO 8601, UTC; null = from before it was kept. */
  since: z.string().nullable(),
})
export type Quarantine = z.infer<typeof quarantineSchema>

/** One intercepted pod interface as `dpctl pods` shows it. */
export const podViewSchema = z.object({
  endpoint: z.int(),
  namespace: z.string(),
  pod: z.string(),
  ifName: z.string(),
  containerID: z.string(),
  podUid: z.string().nullable(),
  addresses: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  driver: driverSchema,
  /** A dpd before this one says neither. */
  attachment: z.enum(['swap', 'hairpin', 'rules']).default('swap'),
  driverWhy: z.string().default(''),
  path: pathSchema,
  mode: modeSchema,
  /** Who set the mode: an override, a policy, or the configured default. */
  modeBy: z.enum(['override', 'policy', 'default']),
  failure: failureSchema,
  quarantined: z.boolean(),
  quarantine: quarantineSchema.nullable(),
  /** `namespace/name` of the policies that select the pod. */
  policies: z.array(z.string()),
  liveFlows: z.int(),
  learned: z.int(),
  /** Frames that it sent as another, dropped. */
  spoofed: z.int(),
  createdAt: z.string(),
})
export type PodView = z.infer<typeof podViewSchema>
export const podsAnswerSchema = z.object({ protocol: protocolSchema, pods: z.array(podViewSchema) })

/** POD of the command line: `namespace/name[/ifName]` or an endpoint id. */
export const podReferenceSchema = z.string().min(1).max(600)

export const modeRequestSchema = z.object({
  protocol: protocolSchema,
  pod: podReferenceSchema,
  mode: z.union([modeSchema, z.literal('auto'), z.literal('quarantine'), z.literal('release')]),
})
export const modeAnswerSchema = z.object({
  protocol: protocolSchema,
  pods: z.array(podViewSchema),
})

/** POST /v1/quarantine; answered as /v1/mode is. */
export const quarantineRequestSchema = z.object({
  protocol: protocolSchema,
  pod: podReferenceSchema,
  /** null = released. */
  reason: z.string().trim().min(1).max(500).nullable(),
})
