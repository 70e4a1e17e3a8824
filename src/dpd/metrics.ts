/** OpenMetrics 1.0 text: base units, and help that says what the operator does next. */

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number
}
export interface Family {
  /** Without the `_total` of counters. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'info'
  /** OpenMetrics requires the name to end in it. */
  readonly unit?: 'seconds' | 'bytes'
  readonly help: string
  readonly samples: readonly Sample[]
}

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

const SUFFIX = { counter: '_total', gauge: '', info: '_info' } as const

function escapeText(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"')
}

function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(labels ?? {})
  if (pairs.length === 0) return ''
  return `{${pairs.map(([name, value]) => `${name}="${escapeText(value)}"`).join(',')}}`
}

function formatFamily(family: Family): string {
  const head = [
    `# TYPE ${family.name} ${family.type}`,
    ...(family.unit === undefined ? [] : [`# UNIT ${family.name} ${family.unit}`]),
    `# HELP ${family.name} ${escapeText(family.help)}`,
  ]
  const lines = family.samples.map(
    ({ labels, value }) => `${family.name}${SUFFIX[family.type]}${formatLabels(labels)} ${value}`,
  )
  return `${[...head, ...lines].join('\n')}\n`
}

export function formatOpenMetrics(families: readonly Family[]): string {
  return `${families.map(formatFamily).join('')}# EOF\n`
}

/** camelCase or kebab-case as a metric's label value or name part. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toLowerCase()
}
