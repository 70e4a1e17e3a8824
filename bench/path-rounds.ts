/**
 * Rounds of all chosen workloads on all chosen paths: of each workload the paths one right after the
 * other, beginning with another path in each round, so that what disturbs the machine disturbs all.
 */
import type { BenchArguments } from './arguments.js'
import { Bed, type Link } from './bed.js'
import { dpdRests } from './daemon.js'
import { isJudged } from './paths.js'
import type { OpenRow, Sheet } from './sheet.js'
import type { PathWorkload } from './workloads/workload.js'

function rotated<T>(values: readonly T[], by: number): T[] {
  const at = by % values.length
  return [...values.slice(at), ...values.slice(0, at)]
}

/** One measurement's figures into their rows; a row of which the path has no figure stays without it. */
async function measure(
  workload: PathWorkload,
  rows: readonly OpenRow[],
  link: Link,
  { effort }: BenchArguments,
  sheet: Sheet,
): Promise<void> {
  try {
    const figures = await workload.measure(link, effort)
    for (const row of rows) {
      const value = figures[row.name]
      if (value !== undefined) sheet.put(row, link.path, value)
    }
  } catch (error) {
    for (const row of rows) sheet.put(row, link.path, null)
    sheet.fail(workload.name, link.path, error)
  }
  if (!isJudged(link.path)) return
  await dpdRests(link.node).catch((error: unknown) => sheet.fail(workload.name, link.path, error))
}

export async function pathRounds(
  workloads: readonly PathWorkload[],
  chosen: BenchArguments,
  sheet: Sheet,
): Promise<void> {
  const { rounds, paths } = chosen
  const rowsOf = new Map(
    workloads.map((workload) => [
      workload,
      workload.metrics.map((metric) => sheet.open({ ...metric, workload: workload.name })),
    ]),
  )
  const bed = await Bed.open(paths, new Set(workloads.flatMap(({ servers }) => servers)))
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const [workload, rows] of rowsOf) {
        process.stderr.write(`bench: round ${round}/${rounds} ${workload.name}\n`)
        const theirs = paths.filter((path) => workload.paths?.includes(path) ?? true)
        for (const path of rotated(theirs, round)) {
          await measure(workload, rows, bed.link(path), chosen, sheet)
        }
      }
    }
  } finally {
    await bed.close()
  }
}
