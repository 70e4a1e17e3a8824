/**
 * What was asked for, kept in the kernel beside what is in force: the cookie of one action on vin and
 * vex. The watchdog knows from it what to restore, and needs no file of its own.
 */
import type { EndpointPath, Failure } from '../../core/endpoint.js'

const VERSION = 1
const PATHS: readonly EndpointPath[] = ['direct', 'tap', 'inline', 'quarantine']
const FAILURES: readonly Failure[] = ['open', 'closed']

export interface Asked {
  readonly path: EndpointPath
  readonly failure: Failure
  readonly strict: boolean
}

export function encodeCookie({ path, failure, strict }: Asked): Uint8Array {
  return Uint8Array.of(VERSION, PATHS.indexOf(path), FAILURES.indexOf(failure), strict ? 1 : 0)
}

/** null = another version's. */
export function decodeCookie(octets: Uint8Array): Asked | null {
  const [version, pathIndex = -1, failureIndex = -1, strict] = octets
  const path = PATHS[pathIndex]
  const failure = FAILURES[failureIndex]
  if (version !== VERSION || path === undefined || failure === undefined) return null
  return { path, failure, strict: strict === 1 }
}
