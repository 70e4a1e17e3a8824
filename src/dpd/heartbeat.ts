/** Where the engine leaves its sign of life, for whom the driver has to watch it. */
import type { Instance } from '../core/instance.js'
import { BpfDriver } from '../intercept/bpf/driver.js'
import type { PipeDriver } from '../intercept/driver.js'
import { heartbeatPath } from '../intercept/tc/heartbeat-file.js'
import type { HeartbeatPlaces } from './engine/bridge.js'

export function heartbeatOf(driver: PipeDriver, instance: Instance): HeartbeatPlaces {
  const mapFd = driver instanceof BpfDriver ? driver.heartbeatMapFd() : null
  return { slot: 0, mapFd, file: heartbeatPath(instance) }
}
