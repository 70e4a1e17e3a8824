/** Flows seen against labels: recall, false labels, packets to verdict, names, by protocol. */
import { type FlowEnds, type Label, labelFor } from './labels.js'
import { FALSE_LABELS_GOAL_PERCENT, goesAlong, hasParser, recallGoalPercent } from './protocols.js'
import { comparableName, type SeenFlow } from './tally.js'

export interface ProtocolScore {
  readonly protocol: string
  readonly hasParser: boolean
  /** Labelled, with payload. */
  readonly flows: number
  readonly recalled: number
  /** null where no parser could. */
  readonly recallPercent: number | null
  readonly goalPercent: number | null
  readonly falseLabels: number
  readonly packetsToVerdict: Quantiles | null
  /** Flows that began before the capture did. */
  readonly midstream: number
  readonly namesExpected: number
  readonly namesFound: number
  /** Different ones, whether expected or not. */
  readonly namesSeen: number
}

export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

export interface Score {
  readonly protocols: readonly ProtocolScore[]
  readonly flows: number
  readonly falseLabels: number
  readonly falseLabelsPercent: number
  readonly falseLabelsGoalPercent: number
  /** Of protocols with a parser. */
  readonly recallPercent: number | null
  readonly withoutPayload: number
  readonly unlabelled: number
  readonly goalsMissed: readonly string[]
  readonly misses: readonly Miss[]
}

/** A flow that was not recognised, was taken for another protocol, or did not yield its name. */
export interface Miss {
  readonly file: string
  readonly flow: string
  readonly label: string
  readonly why: 'not recognised' | 'false label' | 'name missing'
  readonly seen: string
}

class Column {
  flows = 0
  recalled = 0
  falseLabels = 0
  midstream = 0
  namesExpected = 0
  namesFound = 0
  readonly packets: number[] = []
  readonly names = new Set<string>()

  constructor(
    readonly protocol: string,
    readonly hasParser: boolean,
  ) {}

  finish(): ProtocolScore {
    const { protocol, hasParser, flows, recalled, falseLabels, midstream } = this
    return {
      ...{ protocol, hasParser, flows, recalled, falseLabels, midstream },
      recallPercent: hasParser ? percent(recalled, flows) : null,
      goalPercent: hasParser ? recallGoalPercent(protocol) : null,
      packetsToVerdict: quantiles(this.packets),
      namesExpected: this.namesExpected,
      namesFound: this.namesFound,
      namesSeen: this.names.size,
    }
  }
}

const percent = (part: number, whole: number): number => (whole === 0 ? 100 : (100 * part) / whole)

/** Nearest rank. */
function quantiles(samples: readonly number[]): Quantiles | null {
  if (samples.length === 0) return null
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

export class ScoreBook {
  readonly #columns = new Map<string, Column>()
  readonly #misses: Miss[] = []
  #withoutPayload = 0
  #unlabelled = 0

  /** Flows of one capture. */
  add(file: string, labels: readonly Label[], flows: readonly SeenFlow[]): void {
    for (const flow of flows) {
      const ends = endsOf(flow)
      if (ends === null) continue
      if (!flow.hasPayload) {
        this.#withoutPayload++
        continue
      }
      const label = labelFor(labels, ends)
      if (label === null || isBeside(label, flow)) this.#unlabelled++
      else this.#judge(file, label, flow)
    }
  }

  #judge(file: string, label: Label, flow: SeenFlow): void {
    const column = this.#column(label)
    column.flows++
    if (flow.start === 'midstream') column.midstream++
    const miss = (why: Miss['why']) =>
      this.#misses.push({
        file,
        flow: flowText(flow),
        label: label.label,
        why,
        seen: seenText(flow),
      })
    if (column.hasParser && isRecalled(label, flow)) {
      column.recalled++
      if (flow.packetsToVerdict !== null) column.packets.push(flow.packetsToVerdict)
    } else if (flow.apps.some((app) => app !== label.protocol.app)) {
      column.falseLabels++
      miss('false label')
    } else if (column.hasParser) {
      miss('not recognised')
    }
    for (const name of flow.names) column.names.add(name)
    if (label.name === null) return
    column.namesExpected++
    if (flow.names.has(comparableName(label.name))) column.namesFound++
    else miss('name missing')
  }

  #column({ protocol }: Label): Column {
    const { app } = protocol
    const known = this.#columns.get(app)
    if (known !== undefined) return known
    const fresh = new Column(app, hasParser(protocol))
    this.#columns.set(app, fresh)
    return fresh
  }

  finish(): Score {
    const protocols = [...this.#columns.values()]
      .map((column) => column.finish())
      .sort(
        (a, b) => Number(b.hasParser) - Number(a.hasParser) || (a.protocol < b.protocol ? -1 : 1),
      )
    const sum = (of: (column: ProtocolScore) => number) =>
      protocols.reduce((total, column) => total + of(column), 0)
    const flows = sum((column) => column.flows)
    const falseLabels = sum((column) => column.falseLabels)
    const parsed = sum((column) => (column.hasParser ? column.flows : 0))
    const falseLabelsPercent = flows === 0 ? 0 : percent(falseLabels, flows)
    return {
      ...{ protocols, flows, falseLabels, falseLabelsPercent },
      falseLabelsGoalPercent: FALSE_LABELS_GOAL_PERCENT,
      recallPercent:
        parsed === 0
          ? null
          : percent(
              sum((column) => column.recalled),
              parsed,
            ),
      withoutPayload: this.#withoutPayload,
      unlabelled: this.#unlabelled,
      goalsMissed: goalsMissed(protocols, falseLabelsPercent),
      misses: this.#misses,
    }
  }
}

function goalsMissed(protocols: readonly ProtocolScore[], falseLabelsPercent: number): string[] {
  const recalls = protocols.flatMap(({ protocol, recallPercent, goalPercent }) =>
    recallPercent !== null && goalPercent !== null && recallPercent < goalPercent
      ? [`recall of ${protocol}: ${recallPercent.toFixed(2)} %, goal ${goalPercent} %`]
      : [],
  )
  if (falseLabelsPercent <= FALSE_LABELS_GOAL_PERCENT) return recalls
  const said = `false labels: ${falseLabelsPercent.toFixed(2)} % of flows`
  return [...recalls, `${said}, goal ${FALSE_LABELS_GOAL_PERCENT} %`]
}

function isRecalled({ protocol }: Label, { apps, version }: SeenFlow): boolean {
  if (!apps.includes(protocol.app)) return false
  const number = version?.replace(/^HTTP\//, '')
  return protocol.version === undefined || (number?.startsWith(protocol.version) ?? true)
}

function isBeside({ flow, protocol }: Label, { tuple }: SeenFlow): boolean {
  return flow === null && goesAlong(protocol, [tuple.sourcePort, tuple.destinationPort])
}

const TRANSPORTS: Readonly<Record<number, 'tcp' | 'udp'>> = { 6: 'tcp', 17: 'udp' }

function endsOf({ tuple }: SeenFlow): FlowEnds | null {
  const transport = TRANSPORTS[tuple.protocol]
  if (transport === undefined) return null
  return {
    transport,
    opener: { address: tuple.source, port: tuple.sourcePort },
    receiver: { address: tuple.destination, port: tuple.destinationPort },
  }
}

function flowText({ tuple }: SeenFlow): string {
  const { source, sourcePort, destination, destinationPort, protocol } = tuple
  const transport = TRANSPORTS[protocol] ?? protocol
  return `${transport} ${source} ${sourcePort} → ${destination} ${destinationPort}`
}

const seenText = ({ apps, names }: SeenFlow): string =>
  [apps.length === 0 ? 'unknown' : apps.join(', '), ...names].join(' ')
