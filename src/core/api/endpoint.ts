/** The plugin's notice of an endpoint (POST and DELETE /v1/endpoints) and the list that people read. */
import * as z from 'zod'
import { ENDPOINT_RECORD_SCHEMA, type EndpointRecord } from '../endpoint.js'
import { ENDPOINT_ID_MAX } from '../instance.js'
import { protocolSchema } from './protocol.js'

export const modeSchema = z.enum(['discover', 'monitor', 'protect'])
export const failureSchema = z.enum(['open', 'closed'])
export const pathSchema = z.enum(['direct', 'tap', 'inline', 'quarantine'])
export const driverSchema = z.enum(['bpf', 'tc', 'nfqueue', 'ovs'])

const ifindexSchema = z.int().min(1).max(0x7fffffff)
const ifNameSchema = z
  .string()
  .min(1)
  .max(15)
  .regex(/^[^/\s:]+$/)

const linksSchema = z.object({
  mac: z.string().regex(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/),
  mtuOctets: z.int().min(68).max(65535),
  podIfindex: ifindexSchema,
  vinName: ifNameSchema,
  vinIfindex: ifindexSchema,
  vexName: ifNameSchema,
  vexIfindex: ifindexSchema,
  hostIfindex: ifindexSchema,
  peerIndexLost: z.boolean(),
})

export const endpointRecordSchema: z.ZodType<EndpointRecord> = z.object({
  schema: z.literal(ENDPOINT_RECORD_SCHEMA),
  bootId: z.string(),
  id: z.int().min(1).max(ENDPOINT_ID_MAX),
  containerID: z.string().min(1).max(256),
  ifName: ifNameSchema,
  network: z.string(),
  netns: z.string(),
  netnsInode: z.string(),
  namespace: z.string().min(1),
  pod: z.string().min(1),
  podUid: z.string().nullable(),
  driver: driverSchema,
  links: linksSchema,
  addresses: z.array(z.string()).max(256),
  failure: failureSchema,
  createdAt: z.string(),
})

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
  path: pathSchema,
  mode: modeSchema,
  /** Who set the mode: an override, a policy, or the configured default. */
  modeBy: z.enum(['override', 'policy', 'default']),
  failure: failureSchema,
  quarantined: z.boolean(),
  /** `namespace/name` of the policies that select the pod. */
  policies: z.array(z.string()),
  liveFlows: z.int(),
  learned: z.int(),
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
