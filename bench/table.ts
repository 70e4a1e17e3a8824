/** A result as Markdown. */
import { PATH_NAMES } from './paths.js'
import { estimateOf, type Result, type Row, ratioOf } from './result.js'
import type { Estimate } from './statistics.js'

/** Three significant digits, and no fewer than the integer part has. */
export function figure(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude >= 100) return value.toFixed(0)
  return value.toFixed(magnitude >= 10 ? 1 : 2)
}

function between({ low, high, samples }: Estimate, write: (value: number) => string): string {
  return samples < 2 ? '' : ` (${write(low)}–${write(high)})`
}

const ratio = (value: number): string => value.toFixed(2)

export function ratioCell(estimate: Estimate | null): string {
  return estimate === null ? '–' : `${ratio(estimate.median)}${between(estimate, ratio)}`
}

export function valueCell(estimate: Estimate | null): string {
  return estimate === null ? '–' : `${figure(estimate.median)}${between(estimate, figure)}`
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

function markdown(head: readonly string[], body: readonly (readonly string[])[]): string {
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...body.map(line)].join('\n')
}

const isOfPaths = (row: Row): boolean => row.base === 'plain'

/** One column a path: plain in its unit, the others as ratios to it. */
function pathTable(rows: readonly Row[]): string {
  const paths = PATH_NAMES.filter((path) => rows.some((row) => row.series[path] !== undefined))
  const others = paths.filter((path) => path !== 'plain')
  const body = rows.map((row) => [
    `${row.name}, ${row.better === 'more' ? '↑' : '↓'}`,
    `${valueCell(estimateOf(row, 'plain'))} ${row.unit}`,
    ...others.map((path) => ratioCell(ratioOf(row, path))),
  ])
  return markdown(['', 'plain', ...others], body)
}

/** One line a series, with its ratio where the row has a base. */
function seriesTable(rows: readonly Row[]): string {
  const body = rows.flatMap((row) =>
    Object.keys(row.series).map((series) => [
      row.name,
      series,
      `${valueCell(estimateOf(row, series))} ${row.unit}`,
      row.base === null ? '' : series === row.base ? '1' : ratioCell(ratioOf(row, series)),
    ]),
  )
  return markdown(['', 'of', 'median', 'ratio'], body)
}

export function resultTables({ rows, failures }: Result): string {
  const ofPaths = rows.filter(isOfPaths)
  const others = rows.filter((row) => !isOfPaths(row))
  const tables = [
    ...(ofPaths.length > 0 ? [pathTable(ofPaths)] : []),
    ...(others.length > 0 ? [seriesTable(others)] : []),
    ...failures.map(({ workload, series, error }) => `FAILED ${workload} ${series}: ${error}`),
  ]
  return tables.join('\n\n')
}

export function machineLine({ machine, rounds, tookSeconds }: Result): string {
  const { cpu, cores, memoryKiB, kernel, node, commit, loadBefore, stolenPercent } = machine
  return [
    `${cpu}, ${cores} CPUs, ${Math.round(memoryKiB / 1024 / 1024)} GiB, kernel ${kernel}, Node.js ${node}, commit ${commit}`,
    `${rounds} rounds in ${Math.round(tookSeconds)} s; load before ${loadBefore.toFixed(1)}, stolen ${stolenPercent.toFixed(1)} %`,
  ].join('\n')
}
