/** Flow → what it teaches. */
import { readAddress } from '../core/address.js'
import type { Fields } from '../core/inspect/contract.js'
import type { LearnedPeer, LearnedTuple } from '../core/policy/learn.js'
import { type Flow, transportOf } from './judge/flow.js'

/** The field of an app's transactions that a rule would name. */
const NAMING_FIELDS: Readonly<Record<string, readonly string[]>> = {
  http: ['host'],
  tls: ['sni'],
  dns: ['names', 'name'],
}

function namesIn(app: string | null, fields: Fields): readonly string[] {
  for (const field of NAMING_FIELDS[app ?? ''] ?? []) {
    const value = fields[field]
    if (typeof value === 'string' && value !== '') return [value]
    if (Array.isArray(value)) return value.filter((name): name is string => name !== '')
  }
  return []
}

export function tuplesOf(
  flow: Flow,
  peerOf: (address: string) => LearnedPeer | null,
  fields: Fields,
): LearnedTuple[] {
  const { tuple } = flow
  const direction = flow.podSide === 'opener' ? 'egress' : 'ingress'
  const address = direction === 'egress' ? tuple.destination : tuple.source
  const hostBits = readAddress(address)?.family === 6 ? 128 : 32
  const base = {
    direction,
    peer: peerOf(address) ?? { cidr: `${address}/${hostBits}` },
    protocol: tuple.protocol,
    port: transportOf(tuple) === null ? 0 : tuple.destinationPort,
    app: flow.app,
  } as const
  const names = namesIn(flow.app, fields)
  return names.length === 0 ? [base] : names.map((name) => ({ ...base, name }))
}
