import type { CniEnvironment } from '../core/cni/environment.js'
import type { NetworkConfig } from '../core/cni/network-config.js'

/** One call of the runtime, checked. */
export interface VerbRequest {
  readonly environment: CniEnvironment
  readonly config: NetworkConfig
  /** What `config` was read from. */
  readonly stdin: string
}

/** What a verb prints on stdout, null = nothing. Throws only CniError. */
export type VerbHandler<Deps> = (request: VerbRequest, deps: Deps) => Promise<string | null>
