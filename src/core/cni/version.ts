import { CNI_INCOMPATIBLE_VERSION, CniError } from './error.js'

/** Below 0.3.0 a result has no `interfaces`, so nothing can be chained. Ascending order. */
export const SUPPORTED_VERSIONS = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export const LATEST_VERSION = '1.1.0'

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS' | 'VERSION'

/** The version of the configuration from which a verb exists (CNI SPEC 1.1.0, §2). */
const VERB_SINCE: Readonly<Record<Verb, string>> = {
  ADD: '0.3.0',
  DEL: '0.3.0',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
  VERSION: '0.3.0',
}

function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((version) => version.split('.').map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (x?.[i] ?? 0) - (y?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Versions are matched as exact strings, as libcni does. */
export function requireVersion(verb: Verb, cniVersion: string): void {
  if (!(SUPPORTED_VERSIONS as readonly string[]).includes(cniVersion)) {
    throw new CniError(
      CNI_INCOMPATIBLE_VERSION,
      `cniVersion ${JSON.stringify(cniVersion)} is not supported`,
      `configuration says ${cniVersion}, supported are ${SUPPORTED_VERSIONS.join(', ')}`,
    )
  }
  if (compareVersions(cniVersion, VERB_SINCE[verb]) < 0) {
    throw new CniError(
      CNI_INCOMPATIBLE_VERSION,
      `${verb} does not exist in cniVersion ${cniVersion}`,
      `it came with ${VERB_SINCE[verb]}; raise the conflist's cniVersion`,
    )
  }
}

export function versionResult(cniVersion: string): string {
  const known = (SUPPORTED_VERSIONS as readonly string[]).includes(cniVersion)
  return JSON.stringify({
    cniVersion: known ? cniVersion : LATEST_VERSION,
    supportedVersions: SUPPORTED_VERSIONS,
  })
}
