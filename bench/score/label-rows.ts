/** Rows of a label file as text: comma, semicolon, tab or space between the cells, a header or none. */

export class LabelError extends Error {}

export interface Row {
  /** From 1. */
  readonly line: () => number
  /** By column: `file`, `protocol`, `source`… */
  readonly cells: Readonly<Record<string, string>>
}

/** Columns by what people call them, in lower case without `-`, `_`, `.` and spaces. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  file: ['file', 'filename', 'pcap', 'capture', 'path'],
  protocol: ['protocol', 'label', 'app', 'application', 'appprotocol', 'appproto', 'class', 'l7'],
  source: ['source', 'src', 'srcip', 'sourceip', 'saddr', 'sourceaddress', 'client', 'clientip'],
  sourcePort: ['sourceport', 'sport', 'srcport', 'clientport'],
  destination: [
    'destination',
    'dst',
    'dstip',
    'dest',
    'destip',
    'destinationip',
    'daddr',
    'destinationaddress',
    'server',
    'serverip',
  ],
  destinationPort: ['destinationport', 'dport', 'dstport', 'destport', 'serverport'],
  transport: ['transport', 'l4', 'ipproto', 'proto'],
  name: ['name', 'sni', 'host', 'hostname', 'servername', 'query', 'queryname', 'qname'],
}
const OF_FILE = ['file', 'protocol', 'name']
const OF_FLOW = [
  'file',
  'source',
  'sourcePort',
  'destination',
  'destinationPort',
  'transport',
  'protocol',
  'name',
]
const FLOW_CELLS = 7
const PROTOCOL = /^\s*protocol\s*$/i
/** A header has the protocol and one of these; without a file its rows are of every capture. */
const WHOSE = ['file', 'source', 'sourcePort', 'destination', 'destinationPort']

/** null = no name of a column. */
export function columnOf(head: string): string | null {
  const plain = head.toLowerCase().replace(/[-_. ]/g, '')
  return Object.keys(COLUMNS).find((column) => COLUMNS[column]?.includes(plain)) ?? null
}

/** Where nothing else is called the protocol, `proto` is it; beside a label `protocol` is the transport. */
export function columnsOf(heads: readonly string[]): (string | null)[] {
  const columns = heads.map(columnOf)
  const isAmong = columns.filter((column) => column === 'protocol').length > 1
  if (isAmong)
    return heads.map((head, i) => (PROTOCOL.test(head) ? 'transport' : (columns[i] ?? null)))
  if (columns.includes('protocol')) return columns
  return heads.map((head, i) =>
    head.toLowerCase() === 'proto' ? 'protocol' : (columns[i] ?? null),
  )
}

export function readRows(text: string): Row[] {
  const rows: Row[] = []
  let header: readonly (string | null)[] | null = null
  // Spreadsheets put a byte order mark first.
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  lines.forEach((line, index) => {
    if (/^\s*(?:#|\/\/|$)/.test(line)) return
    const cells = splitCells(line)
    if (rows.length === 0 && header === null) {
      const columns = columnsOf(cells)
      if (columns.includes('protocol') && WHOSE.some((column) => columns.includes(column))) {
        header = columns
        return
      }
    }
    const columns = header ?? (cells.length < FLOW_CELLS ? OF_FILE : OF_FLOW)
    rows.push({ line: () => index + 1, cells: named(columns, cells) })
  })
  return rows
}

function named(columns: readonly (string | null)[], cells: readonly string[]) {
  const filled: Record<string, string> = {}
  columns.forEach((column, i) => {
    const cell = cells[i] ?? ''
    if (column !== null && cell !== '') filled[column] = cell
  })
  return filled
}

/** RFC 4180 quotes; without any of the three separators, white space separates. */
function splitCells(line: string): string[] {
  const separator = ['\t', ',', ';'].find((each) => line.includes(each))
  if (separator === undefined) return line.trim().split(/\s+/)
  const cells: string[] = []
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^${separator}]*))(?:${separator}|$)`, 'gy')
  for (const [whole, quoted, plain = ''] of line.matchAll(cell)) {
    cells.push((quoted?.replaceAll('""', '"') ?? plain).trim())
    if (!whole.endsWith(separator)) break
  }
  return cells
}
