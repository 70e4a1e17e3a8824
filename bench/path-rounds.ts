/**
 * Rounds of all chosen workloads on all chosen paths: of each workload the paths one right after the
 * other, beginning with another path in each round, so that what disturbs the machine disturbs all.
 */
import type { BenchArguments } from './arguments.js'
import { Bed } from './bed.js'
import type { PathName } from './paths.js'
import type { Failure, OpenRow } from './result.js'
import type { Figures, PathWorkload } from './workloads/workload.js'

export class Sheet {
  readonly rows: OpenRow[]
  readonly failures: Failure[] = []

  constructor(workloads: readonly PathWorkload[]) {
    this.rows = workloads.flatMap(({ name: workload, metrics }) =>
      metrics.map((metric) => ({ ...metric, workload, series: {} })),
    )
  }

  /** Rows of which the path has no figure stay without it. */
  put(workload: string, path: PathName, figures: Figures): void {
    for (const row of this.#rowsOf(workload)) {
      const value = figures[row.name]
      if (value !== undefined) this.#add(row, path, value)
    }
  }

  fail(workload: string, path: PathName, round: number, error: unknown): void {
    this.failures.push({ workload, series: path, round, error: String(error) })
    for (const row of this.#rowsOf(workload)) this.#add(row, path, null)
  }

  #rowsOf(workload: string): OpenRow[] {
    return this.rows.filter((row) => row.workload === workload)
  }

  #add(row: OpenRow, path: PathName, value: number | null): void {
    const samples = row.series[path] ?? []
    samples.push(value)
    row.series[path] = samples
  }
}

function rotated<T>(values: readonly T[], by: number): T[] {
  const at = by % values.length
  return [...values.slice(at), ...values.slice(0, at)]
}

export async function pathRounds(
  workloads: readonly PathWorkload[],
  { rounds, paths, effort }: BenchArguments,
): Promise<Sheet> {
  const sheet = new Sheet(workloads)
  const bed = await Bed.open(paths, new Set(workloads.flatMap(({ servers }) => servers)))
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const workload of workloads) {
        process.stderr.write(`bench: round ${round}/${rounds} ${workload.name}\n`)
        const chosen = paths.filter((path) => workload.paths?.includes(path) ?? true)
        for (const path of rotated(chosen, round)) {
          await workload.measure(bed.link(path), effort).then(
            (figures) => sheet.put(workload.name, path, figures),
            (error: unknown) => sheet.fail(workload.name, path, round, error),
          )
        }
      }
    }
    return sheet
  } finally {
    await bed.close()
  }
}
