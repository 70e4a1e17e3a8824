/** All that /metrics says. */
import type { BigFlowCounts } from './big-flows.js'
import type { Endpoint } from './endpoints.js'
import { ENGINE_HELP } from './engine-help.js'
import { type Family, type Sample, snakeCase } from './metrics.js'
import type { ReportCounters } from './reporter.js'
import type { SpoofCount } from './spoof-book.js'

export interface MetricSources {
  readonly version: string
  readonly instance: string
  readonly endpoints: readonly Endpoint[]
  readonly liveFlows: number
  readonly liveFlowsByShard: readonly number[]
  readonly generation: number
  readonly policyFaults: number
  readonly policyLoadsFailed: number
  readonly reports: ReportCounters
  /** Reports of the judges that found no room. */
  readonly reportsLost: number
  readonly judgesReplaced: number
  readonly spoofs: readonly SpoofCount[]
  /** `namespace/pod/interface`. */
  readonly quarantined: readonly string[]
  readonly events: { readonly written: number; readonly lost: number }
  readonly engine: Readonly<Record<string, number>>
  readonly kernel: Readonly<Record<string, number>>
  readonly big: BigFlowCounts
  readonly driftPasses: number
  readonly driftRepaired: Readonly<Record<string, number>>
  readonly driftUnrepaired: Readonly<Record<string, number>>
  readonly collected: number
  readonly conflistRepaired: number
  readonly learnOverflow: number
  readonly names: { readonly learned: number; readonly evicted: number }
}

/** Gauges among the engine's counters. */
const ENGINE_GAUGES = new Set(['held_octets'])

function split(counts: ReadonlyMap<string, number>, names: readonly string[]): Sample[] {
  return [...counts].map(([key, value]) => {
    const words = key.split(' ')
    return { labels: Object.fromEntries(names.map((name, i) => [name, words[i] ?? ''])), value }
  })
}

function countBy(values: readonly string[], label: string): Sample[] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return split(counts, [label])
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `vethwall_${name}`, type: 'counter', help, samples }
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name: `vethwall_${name}`, type: 'gauge', help, samples }
}

const one = (value: number): Sample[] => [{ value }]

export function metricFamilies(from: MetricSources): Family[] {
  return [
    ...daemonFamilies(from),
    ...flowFamilies(from),
    ...packetFamilies(from),
    ...nameFamilies(from),
    ...bigFamilies(from),
  ]
}

function daemonFamilies(from: MetricSources): Family[] {
  const { version, instance, endpoints, events } = from
  const notInForce = endpoints.filter(({ applied }) => !applied).length
  return [
    {
      name: 'vethwall_build',
      type: 'info',
      help: 'What runs here.',
      samples: [{ labels: { version, instance }, value: 1 }],
    },
    gauge(
      'endpoints',
      'Intercepted pod interfaces by mode. Fewer than pods: see `dpctl pods` and the CNI chain.',
      countBy(
        endpoints.map(({ mode }) => mode),
        'mode',
      ),
    ),
    gauge(
      'endpoints_not_in_force',
      'Endpoints whose path could not be set. Not 0: read the log, then restart dpd.',
      one(notInForce),
    ),
    gauge(
      'quarantined_endpoints',
      'Pod interfaces in quarantine. Not 0: `dpctl status` says which and why; `dpctl quarantine POD --release` ends it.',
      one(from.quarantined.length),
    ),
    {
      name: 'vethwall_quarantine',
      type: 'info',
      help: 'Each pod interface in quarantine.',
      samples: from.quarantined.map((name) => {
        const [namespace = '', pod = '', ifName = ''] = name.split('/')
        return { labels: { namespace, pod, interface: ifName }, value: 1 }
      }),
    },
    gauge('policy_generation', 'Generation of the policy set in force.', one(from.generation)),
    gauge(
      'policy_faults',
      'Faults in the policy files. Not 0: the set before is in force; `dpctl status` names file, line and column.',
      one(from.policyFaults),
    ),
    counter(
      'policy_loads_failed',
      'Policy sets refused. Growing: run `dpctl policy check` before installing files.',
      one(from.policyLoadsFailed),
    ),
    counter('events_written', 'Lines written to the event file.', one(events.written)),
    counter(
      'events_lost',
      'Events over the rate cap or refused by the disk. Growing: raise events.perSecond or free the disk.',
      one(events.lost),
    ),
    counter(
      'drift_repaired',
      'Differences between kernel and records, repaired. Growing: something else changes our links; see the log.',
      split(new Map(Object.entries(from.driftRepaired)), ['what']),
    ),
    counter(
      'drift_passes',
      'Times that the kernel was compared with the records, every 1.5 s. Standing still: dpd is stuck, restart it.',
      one(from.driftPasses),
    ),
    gauge(
      'drift_unrepaired',
      'Differences that could not be repaired. Not 0: `dpctl status` names each.',
      split(new Map(Object.entries(from.driftUnrepaired)), ['what']),
    ),
    counter(
      'endpoints_collected',
      'Endpoints whose pod was gone without a DEL. Growing: the runtime loses DELs.',
      one(from.collected),
    ),
    counter(
      'conflist_repaired',
      "Times that vethwall's entry was put back into the CNI list. Growing: see the log for the file, and put the entry into the template of what rewrites it.",
      one(from.conflistRepaired),
    ),
    counter(
      'learned_overflow',
      'Things seen in discover beyond 4 096 per pod. Growing: learn by CIDR, or leave discover.',
      one(from.learnOverflow),
    ),
  ]
}

function flowFamilies(from: MetricSources): Family[] {
  const { reports, liveFlows, liveFlowsByShard } = from
  const by = ['verdict', 'app', 'mode']
  return [
    gauge('flows_live', 'Live flows.', one(liveFlows)),
    gauge(
      'shard_flows_live',
      'Live flows by shard. One far above the others: few flows carry most of the traffic.',
      liveFlowsByShard.map((value, i) => ({ labels: { shard: String(i) }, value })),
    ),
    counter(
      'reports_lost',
      'Events and learned things that the main thread had no time for. Growing: give dpd more CPU.',
      one(from.reportsLost),
    ),
    counter(
      'judges_replaced',
      "Shards' judges that ended by a fault or no longer answered. Growing: see the log; report the parser that it names.",
      one(from.judgesReplaced),
    ),
    counter('flows_opened', 'Flows seen.', one(reports.opened)),
    counter(
      'flows_closed',
      'Ended flows by verdict; outside protect what protect would have said.',
      split(reports.flows, by),
    ),
    counter(
      'transactions',
      'Judged transactions by verdict; outside protect what protect would have said.',
      split(reports.transactions, by),
    ),
    counter(
      'denials',
      'Denials by reason. Growing: `dpctl flows --verdict deny`, then `dpctl why FLOW`.',
      split(reports.denials, ['reason', 'app', 'mode']),
    ),
    counter(
      'malformed',
      'Flows whose octets break their protocol. Growing: `dpctl flows --verdict deny`, reason malformed.',
      one(reports.malformed),
    ),
    counter(
      'parser_faults',
      'Parsers switched off for a flow after a fault. Growing: report it with the traffic.',
      one(reports.parserFaults),
    ),
    counter(
      'ring_events_lost',
      'Engine events that never reached the judge. Growing: give dpd more CPU.',
      one(reports.lostEvents),
    ),
  ]
}

/** What `fqdn` peers go by. */
function nameFamilies({ names }: MetricSources): Family[] {
  return [
    counter('names_learned', 'Addresses learned from answers to pods.', one(names.learned)),
    counter(
      'names_evicted',
      'Learned names that gave way to others. Growing: a pod looks up more than 1 024 of them; connections to the oldest are denied.',
      one(names.evicted),
    ),
  ]
}

/** Driver `tc`. */
function bigFamilies({ big }: MetricSources): Family[] {
  return [
    gauge('filtered_flows', 'Big flows that a tc filter carries past dpd.', one(big.live)),
    counter('filtered_flows_started', 'Flows that a tc filter was made for.', one(big.carried)),
    counter(
      'filtered_flows_refused',
      'Big flows that no tc filter was made for. Growing: more than 64 of a pod or 1 024 of the node at a time.',
      one(big.refused),
    ),
    {
      ...counter('filtered_bytes', 'Octets of them, their larger direction.', one(big.octets)),
      unit: 'bytes',
    },
  ]
}

function packetFamilies({ engine, kernel, spoofs }: MetricSources): Family[] {
  const families = Object.entries(engine).map(([key, value]): Family => {
    const name = snakeCase(key).replace('octets', 'bytes')
    const help = ENGINE_HELP[snakeCase(key)] ?? `Engine: ${snakeCase(key).replaceAll('_', ' ')}.`
    const isGauge = ENGINE_GAUGES.has(snakeCase(key))
    const family = isGauge
      ? gauge(`engine_${name}`, help, one(value))
      : counter(`engine_${name}`, help, one(value))
    return name.endsWith('_bytes') ? { ...family, unit: 'bytes' } : family
  })
  const causes = Object.entries(kernel).map(([cause, value]) => ({
    labels: { cause: snakeCase(cause) },
    value,
  }))
  const help =
    'Frames by cause, counted in the kernel. forged or foreign growing: a pod spoofs; see `dpctl pods`.'
  const spoofed = spoofs.map(({ frames, ...labels }) => ({ labels, value: frames }))
  return [
    ...families,
    counter('kernel_frames', help, causes),
    counter(
      'spoofed_frames',
      'Frames that a pod sent as another, dropped. Growing: look into that pod; one that forwards for others goes into spoofing.allow.',
      spoofed,
    ),
  ]
}
