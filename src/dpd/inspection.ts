/** Engine and judges of a daemon, shard by shard; no thread of the engine runs yet. */
import { randomBytes } from 'node:crypto'
import { compile } from '../core/policy/compile.js'
import { EMPTY_DIRECTORY } from '../core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../core/policy/model.js'
import { EngineShards } from './engine/engine-shards.js'
import { type HeartbeatPlaces, ShardControl } from './engine/shard-control.js'
import { Shards, type ShardsParts } from './shards/shards.js'

export interface InspectionParts
  extends Omit<ShardsParts, 'numbers' | 'policy' | 'peers' | 'monotonicMs'> {
  /** Of the enforcer. */
  readonly netnsFd: number
  readonly ifName: string
  readonly heartbeat: HeartbeatPlaces
  readonly flowMapFd: number | null
}

/** With an empty policy, until the first one is read. */
export function openInspection({
  netnsFd,
  ifName,
  heartbeat,
  flowMapFd,
  ...parts
}: InspectionParts) {
  const policy = compile({
    ...{ set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY, generation: 0 },
    ...{ defaults: { mode: 'discover' }, nodeAddresses: [], nodeTraffic: 'allow', endpoints: [] },
  })
  const key = randomBytes(16)
  const engine = new EngineShards([
    new ShardControl({ netnsFd, ifName, heartbeat, flowMapFd, key }),
  ])
  const shards = new Shards({
    ...parts,
    ...{ numbers: engine.numbers, policy, monotonicMs: () => performance.now() },
    peers: { directory: EMPTY_DIRECTORY, records: [], nodeAddresses: [] },
  })
  return { engine, shards, policy }
}
