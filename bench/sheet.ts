/** What has been measured so far: rows that grow by a sample a round, and what failed. */
import type { Failure, Row } from './result.js'

export interface OpenRow extends Omit<Row, 'series'> {
  readonly series: Record<string, (number | null)[]>
}

/** A row before its first sample. */
export type RowHead = Omit<Row, 'series'>

/** By Ctrl-C: unwinds whoever measures, so that namespaces and daemons go and what is there is kept. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

export class Sheet {
  readonly rows: OpenRow[] = []
  readonly failures: Failure[] = []
  isInterrupted = false

  /** The next sample is none: it may be of processes that were ended along. */
  interrupt(): void {
    this.isInterrupted = true
  }

  open(head: RowHead): OpenRow {
    const row = { ...head, series: {} }
    this.rows.push(row)
    return row
  }

  put(row: OpenRow, series: string | number, value: number | null): void {
    if (this.isInterrupted) throw new Interrupted(`at ${row.workload}, ${series}`)
    const samples = row.series[series] ?? []
    samples.push(value)
    row.series[series] = samples
  }

  fail(workload: string, series: string | number, error: unknown): void {
    this.failures.push({ workload, series: String(series), error: String(error) })
  }

  /** What can't be measured leaves a gap in its row: the rest of a long run is still worth having. */
  async sample(
    row: OpenRow,
    series: string | number,
    measure: () => Promise<number>,
  ): Promise<void> {
    try {
      this.put(row, series, await measure())
    } catch (error) {
      this.put(row, series, null)
      this.fail(row.workload, series, error)
    }
  }
}
