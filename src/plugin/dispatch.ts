/** From environment and stdin to one verb, and from its outcome to stdout and the exit status. */
import { parseEnvironment } from '../core/cni/environment.js'
import { CNI_INTERNAL, CniError, errorObject } from '../core/cni/error.js'
import type { NetworkConfig } from '../core/cni/network-config.js'
import { decodeStdin, parseNetworkConfig } from '../core/cni/network-config.js'
import {
  LATEST_VERSION,
  SUPPORTED_VERSIONS,
  type Verb,
  versionResult,
} from '../core/cni/version.js'
import { PRODUCT_VERSION } from '../core/product-version.js'
import { add } from './add.js'
import { check } from './check.js'
import { del } from './del.js'
import type { PluginDeps } from './deps.js'
import { gc } from './gc.js'
import type { VerbHandler } from './request.js'
import { status } from './status.js'

export interface Call {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: () => string
  readonly deps: (config: NetworkConfig) => PluginDeps
}

export interface Outcome {
  readonly status: 0 | 1
  readonly stdout: string
  readonly stderr: string
}

const VERBS: Readonly<Record<Exclude<Verb, 'VERSION'>, VerbHandler<PluginDeps>>> = {
  ADD: add,
  DEL: del,
  CHECK: check,
  GC: gc,
  STATUS: status,
}

const ABOUT = `vethwall ${PRODUCT_VERSION}: chained CNI plugin, see CNI_COMMAND in the CNI specification
CNI versions: ${SUPPORTED_VERSIONS.join(', ')}
`

export async function dispatch(call: Call): Promise<Outcome> {
  if ((call.env.CNI_COMMAND ?? '') === '') return { status: 0, stdout: '', stderr: ABOUT }
  const stdin = call.stdin()
  try {
    const environment = parseEnvironment(call.env)
    if (environment.verb === 'VERSION') return succeed(versionResult(versionOf(stdin)))
    const config = parseNetworkConfig(environment.verb, decodeStdin(stdin))
    const deps = call.deps(config)
    try {
      return succeed(await VERBS[environment.verb]({ environment, config, stdin }, deps))
    } finally {
      deps.close()
    }
  } catch (error) {
    const text = errorObject(asCniError(error), versionOf(stdin))
    return { status: 1, stdout: `${text}\n`, stderr: '' }
  }
}

/**
 * What the caller speaks, for the answer. Go's skel answers VERSION without a look at stdin, so callers may
 * leave it empty or send anything.
 */
function versionOf(stdin: string): string {
  try {
    const { cniVersion } = decodeStdin(stdin)
    return typeof cniVersion === 'string' ? cniVersion : LATEST_VERSION
  } catch {
    return LATEST_VERSION
  }
}

function succeed(text: string | null): Outcome {
  return { status: 0, stdout: text === null ? '' : `${text}\n`, stderr: '' }
}

/** Typed errors as they are, any other once as internal, without its stack: runtimes show all of it. */
function asCniError(error: unknown): CniError {
  if (error instanceof CniError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new CniError(CNI_INTERNAL, message)
}
