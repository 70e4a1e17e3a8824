/** What of an endpoint's nodes is in force, as the kernel tells it: what was asked for, and whether the judge is dead. */
import type { EndpointRecord } from '../../core/endpoint.js'
import type { FoundFilter } from '../../core/netlink/filter.js'
import { type DecodedU32Node, decodeU32Node, ROOT_TABLE } from '../../core/netlink/u32.js'
import type { PathSetting } from '../driver.js'
import { type Asked, decodeCookie } from './cookie.js'
import { isInForce } from './difference.js'
import { endpointRules, type InForce, NODES } from './endpoint-rules.js'

export function nodesOf(found: readonly FoundFilter[]): DecodedU32Node[] {
  return found.flatMap((filter) => decodeU32Node(filter) ?? [])
}

export function askedIn(nodes: readonly DecodedU32Node[]): Asked | null {
  const foreign = nodes.find((n) => n.table === ROOT_TABLE && n.node === NODES.foreign)
  const cookie = foreign?.actions[0]?.action?.cookie
  return cookie === undefined ? null : decodeCookie(cookie)
}

export function inForce({ path, failure, strict = true }: PathSetting): InForce {
  return { path, failure, strict, isStale: false }
}

/** null = not installed, or a mixture that no setting has. */
export function inForceIn(
  record: EndpointRecord,
  {
    vin,
    vex,
  }: { readonly vin: readonly DecodedU32Node[]; readonly vex: readonly DecodedU32Node[] },
): InForce | null {
  const asked = askedIn(vin)
  if (asked === null) return null
  const states = [false, true].map((isStale) => ({ ...asked, isStale }))
  const matching = states.find((state) => {
    const want = endpointRules(record, state)
    return isInForce(want.vin, vin) && isInForce(want.vex, vex)
  })
  return matching ?? null
}

export function askedFor(setting: PathSetting | undefined): Partial<Asked> {
  if (setting === undefined) return {}
  const { path, failure, strict } = inForce(setting)
  return { path, failure, strict }
}
