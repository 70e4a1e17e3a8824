/** Engine and judges of a daemon, shard by shard; no thread of the engine runs yet. */
import { randomBytes } from 'node:crypto'
import { compile } from '../core/policy/compile.js'
import { EMPTY_DIRECTORY } from '../core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../core/policy/model.js'
import { EngineShards } from './engine/engine-shards.js'
import { type EngineLimits, newGroup } from './engine/native.js'
import { type HeartbeatPlaces, ShardControl } from './engine/shard-control.js'
import { Shards, type ShardsParts } from './shards/shards.js'

export interface InspectionParts
  extends Omit<ShardsParts, 'numbers' | 'policy' | 'peers' | 'monotonicMs'> {
  /** Of shards. */
  readonly count: number
  /** Of the enforcer. */
  readonly netnsFd: number
  readonly ifName: string
  readonly heartbeat: HeartbeatPlaces
  readonly flowMapFd: number | null
  readonly tunnels: Pick<EngineLimits, 'tunnelDepth' | 'vxlanPorts' | 'genevePorts'>
}

/** Of the node (native/engine/engine.h `Limits`): each shard has its part. */
const NODE_LIMITS = {
  flows: 262_144,
  holdOctetsTotal: 64 << 20,
  fragmentOctetsTotal: 4 << 20,
  fragmentDatagrams: 1024,
} as const satisfies EngineLimits

/** Each frame passes the filter of every shard: some 75 ns of the sender's core for one more. */
const DEFAULT_MAX = 8

/** A shard is two threads, and each of both can fill a core. */
export function shardsFor(cores: number): number {
  return Math.min(DEFAULT_MAX, Math.max(1, Math.floor(cores / 2)))
}

function limitsOf(count: number): EngineLimits {
  const share = (total: number): number => Math.ceil(total / count)
  return {
    flows: share(NODE_LIMITS.flows),
    holdOctetsTotal: share(NODE_LIMITS.holdOctetsTotal),
    fragmentOctetsTotal: share(NODE_LIMITS.fragmentOctetsTotal),
    fragmentDatagrams: share(NODE_LIMITS.fragmentDatagrams),
  }
}

function openShards({ count, ...parts }: InspectionParts): ShardControl[] {
  const { netnsFd, ifName, heartbeat, flowMapFd, tunnels } = parts
  const group = newGroup(count, randomBytes(4).readUInt32LE())
  const limits = { ...limitsOf(count), ...tunnels }
  return Array.from(
    { length: count },
    (_, index) =>
      new ShardControl({
        ...{ netnsFd, ifName, heartbeat, flowMapFd, limits },
        ...{ key: randomBytes(16), place: { group, index } },
      }),
  )
}

/** With an empty policy, until the first one is read. */
export function openInspection(parts: InspectionParts) {
  const policy = compile({
    ...{ set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY, generation: 0 },
    ...{ defaults: { mode: 'discover' }, nodeAddresses: [], nodeTraffic: 'allow', endpoints: [] },
  })
  const engine = new EngineShards(openShards(parts))
  const shards = new Shards({
    ...parts,
    ...{ numbers: engine.numbers, policy, monotonicMs: () => performance.now() },
    peers: { directory: EMPTY_DIRECTORY, records: [], nodeAddresses: [] },
  })
  return { engine, shards, policy }
}
