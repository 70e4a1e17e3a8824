/** What a pod may call its own, as the engine is told. */
import { type EndpointRecord, LOOPBACK } from '../core/endpoint.js'
import { parseMac } from '../core/mac.js'
import { ownAddresses } from '../core/own-addresses.js'
import type { CompiledEndpoint } from '../core/policy/compiled.js'
import type { EngineEndpoint } from './engine/engine.js'

/** Of a pod without any known address nothing that it sends could be told from a forgery: null. */
export function ownOf(
  { ifName, links, linkLocals = [], ...record }: EndpointRecord,
  { sources }: CompiledEndpoint,
): EngineEndpoint['own'] {
  const mac = links?.mac ?? record.mac
  if (mac === undefined || ifName === LOOPBACK || sources.length === 0) return null
  return { mac: parseMac(mac), addresses: ownAddresses(mac, [...sources, ...linkLocals]) }
}
