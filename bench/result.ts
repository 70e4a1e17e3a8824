/** What a run leaves: every sample, so that table, goals and chart can be made again from the file. */
import * as z from 'zod'
import { type Estimate, estimate, present, ratios } from './statistics.js'

const rowSchema = z.object({
  workload: z.string(),
  /** Unique in a result. */
  name: z.string(),
  unit: z.string(),
  better: z.enum(['more', 'less']),
  /** The series that the others are divided by, round by round; null = each stands for itself. */
  base: z.string().nullable(),
  /** One sample a round; null = it failed, see `failures`. */
  series: z.record(z.string(), z.array(z.number().nullable()).readonly()),
})
export type Row = Readonly<z.infer<typeof rowSchema>>

const failureSchema = z.object({
  workload: z.string(),
  series: z.string(),
  error: z.string(),
})
export type Failure = z.infer<typeof failureSchema>

export const resultSchema = z.object({
  format: z.literal(1),
  startedAt: z.string(),
  tookSeconds: z.number(),
  machine: z.object({
    cpu: z.string(),
    cores: z.int(),
    memoryKiB: z.int(),
    kernel: z.string(),
    node: z.string(),
    commit: z.string(),
    /** Load of the last minute before the run: what else was going on. */
    loadBefore: z.number(),
    /** Per cent of all CPU time during the run that the hypervisor gave to others. */
    stolenPercent: z.number(),
  }),
  rounds: z.int(),
  rows: z.array(rowSchema),
  failures: z.array(failureSchema),
})
export type Result = z.infer<typeof resultSchema>
export type Machine = Result['machine']

export function estimateOf(row: Row, series: string): Estimate | null {
  const values = present(row.series[series] ?? [])
  return values.length === 0 ? null : estimate(values)
}

/** Null for the base itself and where there is nothing to compare. */
export function ratioOf(row: Row, series: string): Estimate | null {
  if (row.base === null || series === row.base) return null
  const values = ratios(row.series[series] ?? [], row.series[row.base] ?? [])
  return values.length === 0 ? null : estimate(values)
}
