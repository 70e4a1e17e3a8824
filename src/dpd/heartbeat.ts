/** Where the engine leaves its sign of life, for whom the driver has to watch it. */
import { BpfDriver } from '../intercept/bpf/driver.js'
import type { PipeDriver } from '../intercept/driver.js'
import type { HeartbeatPlaces } from './engine/bridge.js'

export function heartbeatOf(driver: PipeDriver, runDir: string): HeartbeatPlaces {
  const file = `${runDir}/heartbeat`
  const mapFd = driver instanceof BpfDriver ? driver.heartbeatMapFd() : null
  return { slot: 0, mapFd, file }
}
