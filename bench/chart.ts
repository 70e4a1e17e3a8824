/** A result as SVG: one panel a row, a bar a series as ratio to the base, a whisker for its interval. */
import { GOALS, type Goal, isMet } from './goals.js'
import { type Result, type Row, ratioOf } from './result.js'
import type { Estimate } from './statistics.js'
import { machineLine } from './table.js'

const COLUMNS = 3
const PANEL_WIDTH = 320
const LABEL_WIDTH = 104
const FIGURE_WIDTH = 40
const BAR_HEIGHT = 16
const TITLE_HEIGHT = 40
const HEAD_HEIGHT = 64
/** Wider than what is drawn of it: beyond, the bar is cut and its figure tells. */
const SCALE_LIMIT = 4
const SCALE_LEAST = 1.2

const BAR = '#4878a8'
const MISSED = '#b8553a'
const INK = '#222'
const FAINT = '#999'

export interface Bar {
  readonly series: string
  readonly ratio: Estimate
  readonly goal: Goal | null
}

export interface Panel {
  readonly title: string
  readonly note: string
  readonly bars: readonly Bar[]
}

export function panelsOf(rows: readonly Row[]): Panel[] {
  return rows.flatMap((row) => {
    const bars = Object.keys(row.series).flatMap((series) => {
      const ratio = ratioOf(row, series)
      return ratio === null ? [] : [{ series, ratio, goal: goalOf(row, series) }]
    })
    const note = `ratio to ${row.base}, ${row.better} is better`
    return bars.length === 0 ? [] : [{ title: row.name, note, bars }]
  })
}

function goalOf({ name }: Row, series: string): Goal | null {
  return (
    GOALS.find(
      (goal) => goal.of === 'ratio' && goal.series === series && goal.rows.includes(name),
    ) ?? null
  )
}

export function chart(result: Result): string {
  const panels = panelsOf(result.rows)
  const lines = rowsOfPanels(panels)
  const width = COLUMNS * PANEL_WIDTH
  const heights = lines.map((line) => Math.max(...line.map(panelHeight)))
  const height = HEAD_HEIGHT + heights.reduce((sum, value) => sum + value, 0)
  const drawn = lines.map((line, at) => {
    const top = HEAD_HEIGHT + heights.slice(0, at).reduce((sum, value) => sum + value, 0)
    return line.map((panel, column) => group(column * PANEL_WIDTH, top, drawPanel(panel))).join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    heading(result),
    ...drawn,
    '</svg>',
    '',
  ].join('\n')
}

function rowsOfPanels(panels: readonly Panel[]): Panel[][] {
  const lines: Panel[][] = []
  for (let at = 0; at < panels.length; at += COLUMNS) lines.push(panels.slice(at, at + COLUMNS))
  return lines
}

const panelHeight = ({ bars }: Panel): number => TITLE_HEIGHT + bars.length * BAR_HEIGHT + 12

function heading(result: Result): string {
  const [machine = '', run = ''] = machineLine(result).split('\n')
  return [
    text(12, 20, 'vethwall: medians as ratios to the base of each panel', INK, 'bold 14px'),
    text(12, 36, machine, FAINT),
    text(12, 50, `${run}; whiskers: the median's interval; dashes: the goal`, FAINT),
  ].join('')
}

function drawPanel(panel: Panel): string {
  const most = Math.max(SCALE_LEAST, ...panel.bars.map(({ ratio }) => ratio.high))
  const scale = Math.min(most, SCALE_LIMIT)
  const room = PANEL_WIDTH - LABEL_WIDTH - FIGURE_WIDTH - 24
  const x = (value: number): number => LABEL_WIDTH + 12 + (Math.min(value, scale) / scale) * room
  const bottom = TITLE_HEIGHT + panel.bars.length * BAR_HEIGHT
  return [
    text(12, 16, panel.title, INK, 'bold 12px'),
    text(12, 30, panel.note, FAINT),
    stroke(x(1), TITLE_HEIGHT - 4, x(1), bottom, FAINT),
    ...panel.bars.map((bar, at) => drawBar(bar, TITLE_HEIGHT + at * BAR_HEIGHT, x, scale)),
  ].join('')
}

function drawBar(
  { series, ratio, goal }: Bar,
  top: number,
  x: (value: number) => number,
  scale: number,
): string {
  const middle = top + BAR_HEIGHT / 2
  const missed = goal !== null && !isMet(goal, ratio.median)
  const left = x(0)
  return [
    text(LABEL_WIDTH + 6, middle + 4, series, INK, '11px', 'end'),
    `<rect x="${n(left)}" y="${n(top + 3)}" width="${n(x(ratio.median) - left)}" height="${BAR_HEIGHT - 6}" fill="${missed ? MISSED : BAR}"/>`,
    stroke(x(ratio.low), middle, x(ratio.high), middle, INK),
    goal === null
      ? ''
      : stroke(x(goal.limit), top + 1, x(goal.limit), top + BAR_HEIGHT - 1, INK, '2 2'),
    text(x(scale) + 6, middle + 4, ratio.median.toFixed(2), INK),
  ].join('')
}

const n = (value: number): string => String(Math.round(value * 10) / 10)

function group(x: number, y: number, content: string): string {
  return `<g transform="translate(${x} ${y})">${content}</g>`
}

function stroke(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  color: string,
  dashes = 'none',
): string {
  return `<line x1="${n(x1)}" y1="${n(y1)}" x2="${n(x2)}" y2="${n(y2)}" stroke="${color}" stroke-dasharray="${dashes}"/>`
}

function text(
  x: number,
  y: number,
  content: string,
  color: string,
  font = '11px',
  anchor = 'start',
): string {
  const [, weight = 'normal', size = font] = /^(bold) (.*)$/.exec(font) ?? []
  return `<text x="${n(x)}" y="${n(y)}" fill="${color}" font-weight="${weight}" font-size="${size}" text-anchor="${anchor}">${escapeText(content)}</text>`
}

function escapeText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
