import type { Instance } from '../core/instance.js'
import type { PipeDriver } from './driver.js'
import type { Os } from './os.js'

/** What the swap needs of the world, one instance's. */
export interface InterceptContext {
  readonly os: Os
  readonly instance: Instance
  readonly driver: PipeDriver
  /** Why that driver; goes to the record. */
  readonly why: string
  /**
   * Rules in the pod's namespace (driver nfqueue): for every new endpoint, or where the swap is refused;
   * absent = never.
   */
  readonly rules?: 'always' | 'where-refused'
  readonly bootId: string
  /** ISO 8601, UTC. */
  readonly now: () => string
  readonly warn: (message: string) => void
}
