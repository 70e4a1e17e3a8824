/** Whether kernel and tools take the rules: asked by setting them in a namespace that is thrown away. */
import { chainNames } from '../../core/xtables/pod-chains.js'
import { installText } from '../../core/xtables/pod-tables.js'
import { families, readTables, writeTables } from './xtables.js'

/** Throws XtablesError. */
export function probeRules(netnsFd: number): void {
  const names = chainNames('probe')
  const of = { endpointId: 1, ifName: 'lo', owner: 'probe/probe', isLoopback: true }
  for (const family of families()) {
    const setting = { path: 'inline', failure: 'open', mark: 1 } as const
    writeTables(netnsFd, family, installText(readTables(netnsFd, family), names, of, setting))
  }
}
