import { add } from './add.js'
import { endpoints } from './endpoints.js'
import { liveFlowsWorkload } from './live-flows.js'
import { redis } from './redis.js'
import { replay } from './replay.js'
import { requests } from './requests.js'
import { roundTrips } from './round-trip.js'
import { rules } from './rules.js'
import { transfers } from './transfer.js'
import type { NodeWorkload, PathWorkload } from './workload.js'

/** In the order of tables and charts. */
export const PATH_WORKLOADS: readonly PathWorkload[] = [
  ...transfers,
  ...roundTrips,
  ...requests,
  redis,
]
export const NODE_WORKLOADS: readonly NodeWorkload[] = [
  ...[liveFlowsWorkload, rules, endpoints, add, replay],
]
