/** `dpd --check`: configuration and policies, without starting anything. */
import type { Config } from '../core/config.js'
import { PolicySources } from './policy-sources.js'

/** Lines for people; empty = nothing is wrong. */
export function checkFiles(config: Config): string[] {
  const directories = { policies: config.policyDir, endpoints: config.endpointsDir }
  const load = new PolicySources(directories, null, () => undefined).read()
  if (load.ok) return []
  return load.faults.map(
    ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
  )
}
