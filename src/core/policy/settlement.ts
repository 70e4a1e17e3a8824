/** How long a flow has to be looked at, and what holds for one whose beginning nobody saw. */
import type { CompiledPolicy } from './compiled.js'
import { type Connection, evaluate, evaluateRules, teaches } from './evaluate.js'
import { NO_PEER_NAMES, type PeerNames } from './fqdn.js'

/**
 * final: no later fact changes the verdict. app: it holds as long as the app stays this one (a parser
 * may switch, as for STARTTLS). transactions: each one is judged.
 */
export type Settlement = 'final' | 'app' | 'transactions'

/** Staged policies count: what they would do is reported only if it is looked at. */
export function settles(
  compiled: CompiledPolicy,
  endpointId: number,
  connection: Connection,
  app: string,
  names: PeerNames = NO_PEER_NAMES,
): Settlement {
  if (app === 'dns' && teaches(compiled, endpointId, connection)) return 'transactions'
  const known = evaluate(compiled, endpointId, connection, { app }, names)
  if (known.needs !== null || isOpen(known.wouldStage)) return 'transactions'
  if (app === 'unknown') return 'final'
  const before = evaluateRules(compiled, endpointId, connection, { app: null }, names)
  return before.needs === null && !isOpen(before.wouldStage) ? 'final' : 'app'
}

function isOpen(decision: { readonly needs: 'app' | 'tx' | null } | null): boolean {
  return decision !== null && decision.needs !== null
}

export interface MidstreamConnection extends Connection {
  readonly sourcePort: number
}

/**
 * Midstream TCP passes in protect only if both ends, taken as the opener, would be allowed without
 * L7 facts: the SYN that says which one was is gone.
 */
export function midstreamPasses(
  compiled: CompiledPolicy,
  endpointId: number,
  connection: MidstreamConnection,
  names: PeerNames = NO_PEER_NAMES,
): boolean {
  const turned: Connection = {
    podSide: connection.podSide === 'opener' ? 'receiver' : 'opener',
    protocol: connection.protocol,
    source: connection.destination,
    destination: connection.source,
    destinationPort: connection.sourcePort,
  }
  const facts = { app: null }
  return [connection, turned].every(
    (either) => evaluateRules(compiled, endpointId, either, facts, names).verdict === 'allow',
  )
}
