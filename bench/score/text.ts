/** A score for people. */
import { formatTable } from '../../src/dpctl/table.js'
import type { ProtocolScore, Score } from './score.js'

const HEADS = [
  ...['PROTOCOL', 'FLOWS', 'RECALLED', 'RECALL', 'GOAL', 'FALSE', 'P50', 'P95', 'P99'],
  ...['NAMES', 'MIDSTREAM'],
]

const percentText = (percent: number | null): string =>
  percent === null ? '-' : `${percent.toFixed(2)} %`

function namesText({ namesExpected, namesFound, namesSeen }: ProtocolScore): string {
  return namesExpected === 0 ? `${namesSeen} seen` : `${namesFound} of ${namesExpected}`
}

function row(column: ProtocolScore): string[] {
  const { packetsToVerdict: packets, goalPercent } = column
  const quantiles = packets === null ? ['-', '-', '-'] : [packets.p50, packets.p95, packets.p99]
  return [
    column.hasParser ? column.protocol : `${column.protocol} (no parser)`,
    `${column.flows}`,
    column.hasParser ? `${column.recalled}` : '-',
    percentText(column.recallPercent),
    goalPercent === null ? '-' : `${goalPercent} %`,
    `${column.falseLabels}`,
    ...quantiles.map(String),
    namesText(column),
    `${column.midstream}`,
  ]
}

export function scoreText(score: Score): string {
  const { flows, falseLabels, falseLabelsPercent, falseLabelsGoalPercent } = score
  return [
    formatTable(HEADS, score.protocols.map(row)),
    `P50, P95, P99: packets with payload until the app was known\n`,
    `${flows} labelled flows, recall ${percentText(score.recallPercent)}, `,
    `false labels ${falseLabels}: ${percentText(falseLabelsPercent)} (goal ${falseLabelsGoalPercent} %)\n`,
    `besides: ${score.unlabelled} flows without a label, ${score.withoutPayload} without payload\n`,
    ...score.goalsMissed.map((goal) => `missed: ${goal}\n`),
    ...(score.goalsMissed.length === 0 ? ['all goals reached\n'] : []),
  ].join('')
}

export function missesText({ misses }: Score): string {
  const rows = misses.map(({ file, flow, label, why, seen }) => [file, flow, label, why, seen])
  return rows.length === 0 ? '' : formatTable(['FILE', 'FLOW', 'LABEL', 'WHY', 'SEEN'], rows)
}
