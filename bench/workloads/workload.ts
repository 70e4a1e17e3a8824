import type { Effort } from '../arguments.js'
import type { Link } from '../bed.js'
import type { PathName } from '../paths.js'
import type { ServerName } from '../servers.js'
import type { RowHead, Sheet } from '../sheet.js'

export type Metric = Omit<RowHead, 'workload'>
export type Figures = Readonly<Record<string, number>>

/** Measured on each path, in turn, once a round. */
export interface PathWorkload {
  readonly name: string
  readonly about: string
  readonly servers: readonly ServerName[]
  /** Absent: every one. */
  readonly paths?: readonly PathName[]
  readonly metrics: readonly Metric[]
  /** Keyed by the metrics' names; what a path does not have is left out. */
  measure(link: Link, effort: Effort): Promise<Figures>
}

/** Makes a node of its own, and compares that node with itself. */
export interface NodeWorkload {
  readonly name: string
  readonly about: string
  run(sheet: Sheet, effort: Effort, rounds: number): Promise<void>
}
