/** /v1/status, /v1/policy and /v1/preflight. */
import * as z from 'zod'
import { podReferenceSchema, quarantineSchema } from './endpoint.js'
import { protocolSchema } from './protocol.js'

/** A fault in an operator's file. */
export const fileFaultSchema = z.object({
  file: z.string(),
  line: z.int(),
  column: z.int(),
  message: z.string(),
})
export type FileFault = z.infer<typeof fileFaultSchema>

export const policyStatusSchema = z.object({
  generation: z.int(),
  policies: z.int(),
  rules: z.int(),
  /** Where the active set came from; `last-good` = the one kept from before the present fault. */
  source: z.enum(['files', 'last-good', 'empty']),
  loadedAt: z.string(),
  faults: z.array(fileFaultSchema),
})
export type PolicyStatus = z.infer<typeof policyStatusSchema>

export const statusAnswerSchema = z.object({
  protocol: protocolSchema,
  version: z.string(),
  instance: z.string(),
  pid: z.int(),
  startedAt: z.string(),
  driver: z.string(),
  endpoints: z.int(),
  liveFlows: z.int(),
  policy: policyStatusSchema,
  events: z.object({ file: z.string().nullable(), written: z.int(), lost: z.int() }),
  quarantined: z.array(quarantineSchema.extend({ pod: z.string() })),
  /** Frames that pods sent as others; who. */
  spoofed: z.object({ frames: z.int(), pods: z.array(z.string()) }),
  /** What needs an operator, whole sentences; empty when all is well. */
  findings: z.array(z.string()),
})
export type StatusAnswer = z.infer<typeof statusAnswerSchema>

export const learnAnswerSchema = z.object({
  protocol: protocolSchema,
  pod: podReferenceSchema,
  learned: z.int(),
  /** YAML that imports unchanged. */
  policy: z.string(),
})

export const preflightFindingSchema = z.object({
  subject: z.string(),
  state: z.enum(['ok', 'missing', 'degraded']),
  /** What is lost without it. */
  cost: z.string(),
})
export type PreflightFinding = z.infer<typeof preflightFindingSchema>
export const driverFitnessSchema = z.object({
  driver: z.string(),
  /** Subjects of the findings that keep it from working; empty = it works. */
  lacks: z.array(z.string()),
})
export type DriverFitness = z.infer<typeof driverFitnessSchema>
export const preflightAnswerSchema = z.object({
  protocol: protocolSchema,
  driver: z.string().nullable(),
  /** A dpd before this one tells none. */
  drivers: z.array(driverFitnessSchema).default([]),
  findings: z.array(preflightFindingSchema),
})
