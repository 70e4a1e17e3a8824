/** Pods that ran before us: GET /v1/running, POST /v1/adopt and /v1/release. */
import * as z from 'zod'
import { podReferenceSchema } from './endpoint.js'
import { protocolSchema } from './protocol.js'

/** One that is not intercepted, and how it would be. */
export const runningViewSchema = z.object({
  namespace: z.string(),
  pod: z.string(),
  ifName: z.string(),
  containerID: z.string(),
  netns: z.string(),
  /** null = it can't be taken in. */
  by: z.enum(['hairpin', 'swap', 'rules']).nullable(),
  why: z.string(),
  /** The operator gave it back: `runningPods.adopt` leaves it out. */
  released: z.boolean(),
})
export type RunningView = z.infer<typeof runningViewSchema>
export const runningAnswerSchema = z.object({
  protocol: protocolSchema,
  pods: z.array(runningViewSchema),
})

export const adoptRequestSchema = z.object({
  protocol: protocolSchema,
  /** `namespace/name[/ifName]` or a container's id; null = all. */
  pod: podReferenceSchema.nullable(),
  by: z.enum(['auto', 'hairpin', 'swap']).default('auto'),
})
export const releaseRequestSchema = z.object({
  protocol: protocolSchema,
  pod: podReferenceSchema.nullable(),
})

/** What became of each pod. */
export const movedViewSchema = z.object({
  namespace: z.string(),
  pod: z.string(),
  ifName: z.string(),
  done: z.boolean(),
  attachment: z.enum(['swap', 'hairpin', 'rules']).nullable(),
  /** Why so, or why not. */
  why: z.string(),
  lost: z.array(z.string()),
})
export type MovedView = z.infer<typeof movedViewSchema>
export const movedAnswerSchema = z.object({
  protocol: protocolSchema,
  pods: z.array(movedViewSchema),
})
