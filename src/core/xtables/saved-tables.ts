/** What iptables-save prints, by table and chain. */

export type TableName = 'mangle' | 'filter'

export interface SavedTable {
  /** Without `-A CHAIN`; a chain without rules is there with none. */
  readonly chains: ReadonlyMap<string, readonly string[]>
}

export type SavedTables = Readonly<Record<TableName, SavedTable>>

const isTableName = (name: string): name is TableName => name === 'mangle' || name === 'filter'

/** Counters and other tables are left out. */
export function parseSaved(text: string): SavedTables {
  const tables: Record<TableName, Map<string, string[]>> = { mangle: new Map(), filter: new Map() }
  let chains: Map<string, string[]> | null = null
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      const name = line.slice(1).trim()
      chains = isTableName(name) ? tables[name] : null
    } else if (chains !== null && line.startsWith(':')) {
      chains.set(line.slice(1).split(' ')[0] ?? '', [])
    } else if (chains !== null) {
      const [, chain, rule] = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line) ?? []
      if (chain !== undefined) chains.get(chain)?.push(rule ?? '')
    }
  }
  return { mangle: { chains: tables.mangle }, filter: { chains: tables.filter } }
}

/** The chain that a rule jumps to; '' = none. */
export function targetOf(rule: string): string {
  return /(?:^| )-j (\S+)/.exec(rule)?.[1] ?? ''
}

/** `-i` or `-o`'s device; '' = any. */
export function deviceOf(rule: string): string {
  return /^-[io] (\S+)/.exec(rule)?.[1] ?? ''
}
