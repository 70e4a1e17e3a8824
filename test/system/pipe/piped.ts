/** A topology with a driver's filters on it, and traffic through them. */
import type { Test } from 'tap'
import type { EndpointPath, Failure } from '../../../src/core/endpoint.js'
import type { PipeDriver } from '../../../src/intercept/driver.js'
import type { Topology } from './topology.js'
import type { Traffic } from './traffic.js'

export interface Heartbeat {
  /** Stamps from now on, or lets the stamp age. */
  beat(isAlive: boolean): Promise<void>
}

export interface Piped extends Topology {
  readonly driver: PipeDriver
  readonly heartbeat: Heartbeat
  readonly traffic: Traffic
  set(path: EndpointPath, failure?: Failure): void
}

/** A counter that rises by `frames` at least while `action` runs. */
export async function rises(
  t: Test,
  { driver, enforcer }: Piped,
  counter: string,
  frames: number,
  action: () => Promise<void>,
): Promise<void> {
  const before = driver.counters(enforcer)[counter] ?? 0
  await action()
  const after = driver.counters(enforcer)[counter] ?? 0
  t.ok(after - before >= frames, `counter ${counter}: ${before} before, ${after} after`)
}
