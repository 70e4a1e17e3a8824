/** The label file: which protocol each capture, or each of its flows, is. */
import * as z from 'zod'
import { formatAddress, parseAddress } from '../../src/core/address.js'
import { type Glob, matchGlob, parseGlob } from '../../src/core/policy/glob.js'
import { describeIssue, formatKeys } from '../../src/core/schema-issue.js'
import { jsonRows } from './label-json.js'
import { LabelError, readRows } from './label-rows.js'
import { type Protocol, protocolOf } from './protocols.js'

/** Looked for in this order. */
export const LABEL_FILES = ['labels.json', 'labels.csv', 'labels.tsv', 'labels.txt'] as const

export { LabelError } from './label-rows.js'

export interface Label {
  /** As it is written. */
  readonly label: string
  readonly protocol: Protocol
  /** Of this flow alone; null = of every flow of the file. */
  readonly flow: FlowPattern | null
  /** The server name, host or query name that the flow must yield. */
  readonly name: string | null
  /** Of the label file, from 1. */
  readonly line: () => number
}

/** null = any. */
interface FlowPattern {
  readonly ends: readonly [End, End]
  readonly transport: 'tcp' | 'udp' | null
}
export interface End {
  readonly address: string | null
  readonly port: number | null
}

const TRANSPORTS = {
  tcp: 'tcp',
  '6': 'tcp',
  udp: 'udp',
  '17': 'udp',
  '*': null,
  any: null,
} as const

const ANY: readonly unknown[] = ['*', '-', 'any', '']

const anyOr = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (ANY.includes(value) ? undefined : value), schema.optional())
const addressSchema = z.string().transform((text, context) => {
  try {
    return formatAddress(parseAddress(text).octets)
  } catch {
    context.addIssue({ code: 'custom', message: 'no IP address' })
    return z.NEVER
  }
})
const portSchema = z.coerce.number().int().min(0).max(65535)

/** Where a row names none. */
const EVERY_FILE = '*'

const rowSchema = z.object({
  file: z.string().min(1).default(EVERY_FILE),
  protocol: z.string().min(1),
  source: anyOr(addressSchema),
  sourcePort: anyOr(portSchema),
  destination: anyOr(addressSchema),
  destinationPort: anyOr(portSchema),
  transport: z
    .union([z.string(), z.number()])
    .transform((value) => `${value}`.toLowerCase())
    .pipe(z.enum(Object.keys(TRANSPORTS) as (keyof typeof TRANSPORTS)[]))
    .optional(),
  name: anyOr(z.string().min(1)),
})
type Row = z.infer<typeof rowSchema>

/** What one label file says. */
export class Labels {
  readonly #byFile = new Map<string, Label[]>()
  readonly #byGlob: { readonly glob: Glob; readonly label: Label }[] = []
  readonly #used = new Set<Label>()
  readonly #all: { readonly file: string; readonly label: Label }[] = []

  constructor(readonly path: string) {}

  add(file: string, label: Label): void {
    const path = file.replace(/^\.\//, '')
    this.#all.push({ file, label })
    if (path.includes('*')) this.#byGlob.push({ glob: parseGlob(path), label })
    else this.#byFile.set(path, [...(this.#byFile.get(path) ?? []), label])
  }

  /** `file` by its path in the folder; labels name that, its last part, or either without the ending. */
  of(file: string): readonly Label[] {
    const names = [file, file.split('/').at(-1) ?? file]
    const found = [...names, ...names.map(withoutEnding)].flatMap(
      (name) => this.#byFile.get(name) ?? [],
    )
    const globbed = this.#byGlob.filter(({ glob }) => matchGlob(glob, file))
    const labels = [...new Set([...found, ...globbed.map(({ label }) => label)])]
    for (const label of labels) this.#used.add(label)
    return labels
  }

  /** Rows for files that are not there. */
  unused(): readonly string[] {
    return this.#all
      .filter(({ label }) => !this.#used.has(label))
      .map(({ file, label }) => `${this.path}:${label.line()}: there is no capture ${file}`)
  }
}

const withoutEnding = (file: string): string => file.replace(/\.(?:pcapng|pcap|cap)(?:\.gz)?$/i, '')

export function readLabels(path: string, text: string): Labels {
  const labels = new Labels(path)
  for (const { line, cells } of path.endsWith('.json') ? jsonRows(path, text) : readRows(text)) {
    const parsed = rowSchema.safeParse(cells)
    if (!parsed.success) {
      const issues = parsed.error.issues.flatMap((issue) => describeIssue(issue, cells))
      const [what] = issues.map(({ keys, message }) => `${formatKeys(keys)}: ${message}`)
      throw new LabelError(`${path}:${line()}: ${what}`)
    }
    labels.add(parsed.data.file, labelOf(parsed.data, line))
  }
  return labels
}

function labelOf(row: Row, line: () => number): Label {
  const { source, sourcePort, destination, destinationPort, transport, protocol, name } = row
  const said = [source, sourcePort, destination, destinationPort].some((part) => part != null)
  const ends = [
    { address: source ?? null, port: sourcePort ?? null },
    { address: destination ?? null, port: destinationPort ?? null },
  ] as const
  const carried = transport === undefined ? null : TRANSPORTS[transport]
  const flow = said || carried !== null ? { ends, transport: carried } : null
  return { label: protocol, protocol: protocolOf(protocol), flow, name: name ?? null, line }
}

export interface FlowEnds {
  readonly transport: 'tcp' | 'udp'
  readonly opener: End
  readonly receiver: End
}

/** The flow's own label before its file's; whichever end is called the source. */
export function labelFor(labels: readonly Label[], flow: FlowEnds): Label | null {
  const own = labels.find(({ flow: pattern }) => pattern !== null && matches(pattern, flow))
  return own ?? labels.find(({ flow: pattern }) => pattern === null) ?? null
}

function matches({ ends: [a, b], transport }: FlowPattern, flow: FlowEnds): boolean {
  if (transport !== null && transport !== flow.transport) return false
  const { opener, receiver } = flow
  return (isEnd(a, opener) && isEnd(b, receiver)) || (isEnd(a, receiver) && isEnd(b, opener))
}

function isEnd(pattern: End, end: End): boolean {
  const { address, port } = pattern
  return (address === null || address === end.address) && (port === null || port === end.port)
}
