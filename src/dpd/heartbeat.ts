/** What engine and kernel program share: the engine's sign of life, and the flows that pass without it. */
import type { Instance } from '../core/instance.js'
import { BpfDriver } from '../intercept/bpf/driver.js'
import type { PipeDriver } from '../intercept/driver.js'
import { heartbeatPath } from '../intercept/tc/heartbeat-file.js'
import type { HeartbeatPlaces } from './engine/shard-control.js'

export function flowMapOf(driver: PipeDriver): number | null {
  return driver instanceof BpfDriver ? driver.flowMapFd() : null
}

export function heartbeatOf(driver: PipeDriver, instance: Instance): HeartbeatPlaces {
  const mapFd = driver instanceof BpfDriver ? driver.heartbeatMapFd() : null
  return { slot: 0, mapFd, file: heartbeatPath(instance) }
}
