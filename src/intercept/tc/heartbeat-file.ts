/**
 * `<runDir>/heartbeat`: what the engine stamps where no BPF map is: u64 CLOCK_MONOTONIC nanoseconds in
 * host order, one per shard, 0 = no such shard. Read, never mapped: ten times a second is little.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Instance } from '../../core/instance.js'
import { HOST_LITTLE_ENDIAN } from '../../core/netlink/attribute.js'

/** As in the kernel program (native/bpf/vethwall.bpf.h, STALE_NS). */
const STALE_NS = 500_000_000n

export function heartbeatPath(instance: Instance): string {
  return join(instance.runDir, 'heartbeat')
}

/** An absent file is a judge that never lived: no stamps. */
export function readStamps(path: string): bigint[] {
  let octets: Buffer
  try {
    octets = readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
  const slots = Math.floor(octets.length / 8)
  return Array.from({ length: slots }, (_, slot) => view.getBigUint64(slot * 8, HOST_LITTLE_ENDIAN))
}

/** One shard that stands still makes its share of the flows dark: the oldest stamp decides. */
export function isJudgeDead(stamps: readonly bigint[], nowNs: bigint): boolean {
  const shards = stamps.filter((stamp) => stamp !== 0n)
  return shards.length === 0 || shards.some((stamp) => nowNs - stamp > STALE_NS)
}
