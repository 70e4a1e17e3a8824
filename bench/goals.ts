/** What the product is to reach, and whether a result does. */
import { estimateOf, type Result, type Row, ratioOf } from './result.js'
import type { Estimate } from './statistics.js'
import { ratioCell, valueCell } from './table.js'

export interface Goal {
  readonly text: string
  /** Row by name; several rows: the worst one counts. */
  readonly rows: readonly string[]
  readonly series: string
  readonly of: 'ratio' | 'value'
  readonly bound: 'at least' | 'at most'
  readonly limit: number
}

export const REDIS_TESTS = [
  'PING_INLINE',
  'PING_MBULK',
  'SET',
  'GET',
  'INCR',
  'LPUSH',
  'LPOP',
  'SADD',
] as const
export const redisRow = (test: string): string => `redis ${test}`

export const CONNECTION_ROWS = {
  http: 'new connections, HTTP/1',
  tls: 'new connections, TLS',
} as const

/** Where the two ends run, and whether idle CPUs sleep, makes more than what is between them. */
export const ROUND_TRIP_ROWS = {
  free: 'round trip p50',
  oneCpu: 'round trip p50, one CPU awake',
  twoCpus: 'round trip p50, two CPUs awake',
} as const

type Bound = readonly [Goal['bound'], number]

function ratioGoal(text: string, rows: readonly string[], series: string, bound: Bound): Goal {
  return { text, rows, series, of: 'ratio', bound: bound[0], limit: bound[1] }
}

function valueGoal(text: string, row: string, series: string, bound: Bound): Goal {
  return { text, rows: [row], series, of: 'value', bound: bound[0], limit: bound[1] }
}

function roundTripGoals(text: string, series: string, bound: Bound): Goal[] {
  const { oneCpu, twoCpus } = ROUND_TRIP_ROWS
  return [oneCpu, twoCpus].map((row) => ratioGoal(`${text}: ${row}`, [row], series, bound))
}

const TCP = ['TCP, 1 stream', 'TCP, 4 streams']

export const GOALS: readonly Goal[] = [
  ratioGoal('cut-through: TCP throughput', TCP, 'inline', ['at least', 0.95]),
  ...roundTripGoals('cut-through', 'inline', ['at most', 1.15]),
  ...Object.values(CONNECTION_ROWS).map((row) =>
    ratioGoal(`${row}, each identified`, [row], 'inline', ['at least', 0.7]),
  ),
  ratioGoal('all octets inspected: TCP throughput', TCP, 'inline-content', ['at least', 0.65]),
  ...roundTripGoals('all octets inspected', 'inline-content', ['at most', 1.7]),
  ratioGoal('tap: TCP throughput', TCP, 'tap', ['at least', 0.85]),
  ratioGoal('tap, all octets inspected: TCP throughput', TCP, 'tap-content', ['at least', 0.85]),
  ratioGoal('nfqueue after bypass: TCP throughput', TCP, 'nfqueue', ['at least', 0.9]),
  ratioGoal('redis-benchmark, worst of eight', REDIS_TESTS.map(redisRow), 'inline', [
    'at least',
    0.97,
  ]),
  valueGoal('replay of a mixed set, million packets per CPU second', 'replay', 'mix', [
    'at least',
    2,
  ]),
  ratioGoal('10 000 rules: CPU per packet', ['packet under rules'], '10000', ['at most', 1.05]),
  ratioGoal("10 000 rules: CPU of a flow's first packet", ['first packet under rules'], '10000', [
    'at most',
    1.05,
  ]),
  ratioGoal('500 endpoints: CPU per packet', ['packet among endpoints'], '500', ['at most', 1.05]),
  valueGoal('memory per idle flow, octets', 'memory per live flow', 'inline', ['at most', 600]),
  valueGoal('memory with 500 endpoints, MB', 'dpd resident', '500', ['at most', 120]),
  valueGoal("ADD above the bridge's, in runs of `node -e 0`", 'ADD above the bridge', 'vethwall', [
    'at most',
    1.6,
  ]),
]

export interface Finding {
  readonly goal: Goal
  /** Of the worst row; null = not measured. */
  readonly reached: Estimate | null
  readonly isMet: boolean
}

export function findings({ rows }: Result, goals: readonly Goal[] = GOALS): Finding[] {
  return goals.map((goal) => {
    const reached = worst(goal, rows)
    return { goal, reached, isMet: reached !== null && isMet(goal, reached.median) }
  })
}

export function isMet({ bound, limit }: Goal, value: number): boolean {
  return bound === 'at least' ? value >= limit : value <= limit
}

/** A goal of several rows is measured only when all of them are. */
function worst({ rows: names, series, of, bound }: Goal, rows: readonly Row[]): Estimate | null {
  const estimates = names.map((name) => {
    const row = rows.find((candidate) => candidate.name === name)
    if (row === undefined) return null
    return of === 'ratio' ? ratioOf(row, series) : estimateOf(row, series)
  })
  return estimates.reduce((a, b) => {
    if (a === null || b === null) return null
    return a.median < b.median === (bound === 'at least') ? a : b
  })
}

/** Null where nothing of the goals was measured. */
export function goalTable(result: Result): string | null {
  const measured = findings(result).filter(({ reached }) => reached !== null)
  if (measured.length === 0) return null
  const lines = measured.map(({ goal, reached, isMet }) => {
    const cell = goal.of === 'ratio' ? ratioCell(reached) : valueCell(reached)
    return `| ${goal.text} | ${goal.bound} ${goal.limit} | ${cell} | ${isMet ? 'yes' : '**no**'} |`
  })
  return ['| goal | limit | reached | met |', '|---|---|---|---|', ...lines].join('\n')
}
