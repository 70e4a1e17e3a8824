/** One endpoint's rules in its pod's namespace, both families; each family is one transaction. */

import { type EndpointRecord, LOOPBACK } from '../../core/endpoint.js'
import type { Instance } from '../../core/instance.js'
import { sha256Hex } from '../../core/sha256.js'
import {
  type ChainNames,
  chainNames,
  type RuledInterface,
  type RuledPath,
} from '../../core/xtables/pod-chains.js'
import {
  type ChainDifference,
  differences,
  installText,
  removeText,
} from '../../core/xtables/pod-tables.js'
import type { SavedTables } from '../../core/xtables/saved-tables.js'
import type { Drift } from '../driver.js'
import { type Family, families, readTables, writeTables } from './xtables.js'

/** 24 bits tell the instances of one node apart. */
const TAG_HEX_DIGITS = 6

export function chainNamesOf({ name }: Instance): ChainNames {
  return chainNames(sha256Hex(name).slice(0, TAG_HEX_DIGITS))
}

export function ruledInterface({ id, ifName, namespace, pod }: EndpointRecord): RuledInterface {
  const isLoopback = ifName === LOOPBACK
  return { endpointId: id, ifName, owner: `${namespace}/${pod}`, isLoopback }
}

export function installRules(
  instance: Instance,
  netnsFd: number,
  record: EndpointRecord,
  setting: RuledPath,
): void {
  const names = chainNamesOf(instance)
  for (const family of families()) {
    const text = installText(readTables(netnsFd, family), names, ruledInterface(record), setting)
    writeTables(netnsFd, family, text)
  }
}

/** Nothing else in the namespace's tables changes; success where there is nothing. */
export function removeRules(instance: Instance, netnsFd: number, record: EndpointRecord): void {
  const names = chainNamesOf(instance)
  for (const family of families()) {
    const text = removeText(readTables(netnsFd, family), names, ruledInterface(record))
    if (text !== null) writeTables(netnsFd, family, text)
  }
}

function driftOf(family: Family, { chain, want, have }: ChainDifference): Drift {
  return { what: 'rules', subject: `${family} ${chain}`, want, have }
}

/** Without `setting` any path is good. */
export function driftOfRules(
  instance: Instance,
  record: EndpointRecord,
  family: Family,
  saved: SavedTables,
  setting: RuledPath | null,
): Drift[] {
  const found = differences(saved, chainNamesOf(instance), ruledInterface(record), setting)
  return found.map((difference) => driftOf(family, difference))
}

export function checkRules(instance: Instance, netnsFd: number, record: EndpointRecord): Drift[] {
  return families().flatMap((family) =>
    driftOfRules(instance, record, family, readTables(netnsFd, family), null),
  )
}
