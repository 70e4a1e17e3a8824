/** The addon's engine classes, typed; native/addon/{shard,shard_rings,replay}.cc. */
import { addon, toOsError } from '../../intercept/addon.js'
import type { EngineEndpoint, EngineQueue } from './engine.js'
import type { NativeNames } from './learned-names.js'

/** What is absent keeps the engine's default; native/engine/engine.h `Limits`. */
export interface EngineLimits {
  readonly flows?: number
  readonly holdOctetsPerDirection?: number
  readonly holdMs?: number
  readonly holdOctetsTotal?: number
  readonly outOfOrderOctets?: number
  readonly fragmentOctetsTotal?: number
  readonly fragmentDatagrams?: number
  readonly fragmentMs?: number
  /** Tunnels within tunnels that are opened; 0 = none. */
  readonly tunnelDepth?: number
  readonly vxlanPorts?: readonly number[]
  readonly genevePorts?: readonly number[]
}

export interface NativeShardOptions {
  readonly netnsFd: number
  readonly ifName: string
  readonly limits: EngineLimits
  /** -1 = none. */
  readonly heartbeatMapFd: number
  readonly heartbeatSlot: number
  /** Empty = none. */
  readonly heartbeatFile: string
  /** -1 = none. */
  readonly flowMapFd: number
  readonly eventRingOctets: number
  readonly commandRingOctets: number
  readonly key: Uint8Array
  /** null = it is alone. */
  readonly group: NativeGroup | null
  /** Within the group. */
  readonly index: number
}

/** What the shards of one device share. */
export type NativeGroup = object

/** Tickets are acknowledged when what they stand for is in force. */
export interface NativeShard {
  start(): void
  stop(): void
  setPolicy(block: Uint8Array): number
  setEndpoint(endpoint: EngineEndpoint): number
  removeEndpoint(id: number): number
  openQueue(queue: EngineQueue): number
  closeQueue(id: number): number
  setQueueMark(id: number, generation: number): number
  setQueueFailOpen(id: number, failOpen: boolean): number
  acknowledged(): number[]
  counters(): Record<string, number>
  flows(): number
  /** Why the engine's thread ended by itself; empty = it did not. */
  fault(): string
  /** Under which other threads of this process find its rings. */
  number(): number
}

export interface NativeRings {
  events(): ArrayBuffer
  commands(): ArrayBuffer
  wakeThread(): void
  close(): void
}

export interface NativeReplayOptions {
  readonly limits: EngineLimits
  readonly key: Uint8Array
}

/** Each call returns how many octets of event records it caused: they begin memory() until the next call. */
export interface NativeReplay {
  /** Another one, and larger, whenever a call returns more octets than the last one has. */
  memory(): ArrayBuffer
  setPolicy(block: Uint8Array, names: NativeNames): number
  setEndpoint(endpoint: EngineEndpoint): number
  removeEndpoint(id: number): number
  /** A pcap or pcapng file, whole. */
  open(capture: Uint8Array): void
  /** The next frames, at most so many, up to one that causes events; null = there is none. */
  step(frames: number): number | null
  /** Of the capture, so far. */
  framesRead(): number
  /** After step() gave null: the octet where the file ends within a record; null = it is whole. */
  cutAt(): number | null
  /** The first so many octets are command records, one after another. */
  command(records: Uint8Array, octets: number): number
  /** Lets the capture's clock go on without frames. */
  advance(ms: number): number
  counters(): Record<string, number>
  flows(): number
  /** The capture's clock. */
  nowMs(): number
}

interface EngineModule {
  readonly Shard: new (options: NativeShardOptions, wake: () => void) => NativeShard
  readonly ShardGroup: new (shards: number, seed: number) => NativeGroup
  readonly Replay: new (options: NativeReplayOptions) => NativeReplay
}

function engineModule(): EngineModule {
  return addon() as unknown as EngineModule
}

export function newShard(options: NativeShardOptions, wake: () => void): NativeShard {
  try {
    return new (engineModule().Shard)(options, wake)
  } catch (error) {
    throw toOsError(error)
  }
}

/** `seed`: 32 random bits. */
export function newGroup(shards: number, seed: number): NativeGroup {
  return new (engineModule().ShardGroup)(shards, seed)
}

export function newReplay(options: NativeReplayOptions): NativeReplay {
  return new (engineModule().Replay)(options)
}

/** Its one reader and writer. Before another takes its place it is closed, or its thread has ended. */
export function newRings(shard: number, wake: () => void): NativeRings {
  const { ShardRings } = addon() as unknown as {
    ShardRings: new (shard: number, wake: () => void) => NativeRings
  }
  return new ShardRings(shard, wake)
}
