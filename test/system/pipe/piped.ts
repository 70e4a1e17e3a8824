/** A topology with a driver's filters on it. */
import type { Test } from 'tap'
import type { EndpointPath, Failure } from '../../../src/core/endpoint.js'
import type { PipeDriver } from '../../../src/intercept/driver.js'
import type { Topology } from './topology.js'

export interface Heartbeat {
  /** Stamps from now on, or lets the stamp age. */
  beat(isAlive: boolean): void
}

export interface Piped extends Topology {
  readonly driver: PipeDriver
  readonly heartbeat: Heartbeat
  set(path: EndpointPath, failure?: Failure): void
}

/** A counter that rises by `frames` at least while `action` runs. */
export async function rises(
  t: Test,
  { driver, enforcer }: Piped,
  counter: string,
  frames: number,
  action: () => unknown,
): Promise<void> {
  const before = driver.counters(enforcer)[counter] ?? 0
  await action()
  const after = driver.counters(enforcer)[counter] ?? 0
  t.ok(after - before >= frames, `counter ${counter}: ${before} before, ${after} after`)
}
