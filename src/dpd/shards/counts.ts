/** Sums of what workers count. */
import type { ShardCounts } from './messages.js'

export const NO_COUNTS: ShardCounts = {
  reports: {
    ...{ opened: 0, lostEvents: 0, malformed: 0, parserFaults: 0 },
    ...{ transactions: new Map(), flows: new Map(), denials: new Map() },
  },
  eventsLost: 0,
  reportsLost: 0,
  liveFlows: new Map(),
}

function addMaps<K>(a: ReadonlyMap<K, number>, b: ReadonlyMap<K, number>): Map<K, number> {
  const sum = new Map(a)
  for (const [key, value] of b) sum.set(key, (sum.get(key) ?? 0) + value)
  return sum
}

export function addCounts(a: ShardCounts, b: ShardCounts): ShardCounts {
  return {
    reports: {
      opened: a.reports.opened + b.reports.opened,
      lostEvents: a.reports.lostEvents + b.reports.lostEvents,
      malformed: a.reports.malformed + b.reports.malformed,
      parserFaults: a.reports.parserFaults + b.reports.parserFaults,
      transactions: addMaps(a.reports.transactions, b.reports.transactions),
      flows: addMaps(a.reports.flows, b.reports.flows),
      denials: addMaps(a.reports.denials, b.reports.denials),
    },
    eventsLost: a.eventsLost + b.eventsLost,
    reportsLost: a.reportsLost + b.reportsLost,
    liveFlows: addMaps(a.liveFlows, b.liveFlows),
  }
}
