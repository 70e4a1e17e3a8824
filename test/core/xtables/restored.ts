/** What iptables-restore --noflush makes of tables, in so far as our text uses it; as iptables-save prints it. */
type Table = Map<string, string[]>

const HEADS: Readonly<Record<string, readonly string[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
}

function read(text: string, tables: Map<string, Table>): void {
  let table: Table = new Map()
  for (const line of text.split('\n').map((l) => l.replace(/^\[\d+:\d+\] /, ''))) {
    if (line.startsWith('*')) {
      const name = line.slice(1)
      table = tables.get(name) ?? new Map((HEADS[name] ?? []).map((head) => [head, []]))
      tables.set(name, table)
    } else if (line.startsWith(':')) {
      const [name = '', policy] = line.slice(1).split(' ')
      if (policy === '-' || !table.has(name)) table.set(name, [])
    } else if (line.startsWith('-')) apply(table, line)
  }
}

function rulesIn(table: Table, chain: string, line: string): string[] {
  const rules = table.get(chain)
  if (rules === undefined) throw new Error(`${line}: no chain ${chain}`)
  return rules
}

function apply(table: Table, line: string): void {
  const [, verb, chain = '', rest = ''] = /^-(\w) (\S+) ?(.*)$/.exec(line) ?? []
  const rules = rulesIn(table, chain, line)
  if (verb === 'A') rules.push(rest)
  else if (verb === 'F') rules.length = 0
  else if (verb === 'I') {
    const [, at = '1', rule = ''] = /^(\d+) (.*)$/.exec(rest) ?? []
    if (Number(at) > rules.length + 1) throw new Error(`${line}: index of insertion too big`)
    rules.splice(Number(at) - 1, 0, rule)
  } else if (verb === 'D') {
    const at = /^\d+$/.test(rest) ? Number(rest) - 1 : rules.indexOf(rest)
    if (at < 0) throw new Error(`${line}: no such rule`)
    rules.splice(at, 1)
  } else if (verb === 'X') {
    const isUsed = [...table.values()].flat().some((rule) => rule.endsWith(`-j ${chain}`))
    if (rules.length > 0 || isUsed) throw new Error(`${line}: in use`)
    table.delete(chain)
  } else throw new Error(`${line}: not understood`)
}

export function restored(saved: string, text: string): string {
  const tables = new Map<string, Table>()
  read(saved, tables)
  read(text, tables)
  return [...tables]
    .map(([name, chains]) => {
      const heads = [...chains.keys()].map((chain) => `:${chain} - [0:0]`)
      const rules = [...chains].flatMap(([chain, lines]) => lines.map((l) => `-A ${chain} ${l}`))
      return [`*${name}`, ...heads, ...rules, 'COMMIT', ''].join('\n')
    })
    .join('')
}
