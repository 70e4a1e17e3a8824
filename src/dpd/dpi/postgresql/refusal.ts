import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal, TxId } from '../../../core/inspect/contract.js'
import type { PostgresqlState } from './session.js'

/** insufficient_privilege; FATAL, since the connection ends. */
const FIELDS = 'SFATAL\0VFATAL\0C42501\0MDenied by network policy\0\0'

/**
 * ErrorResponse, where the opener awaits the answer to this message, or to the messages before its Sync, and has
 * had none of it.
 */
export function denied({ phase, open }: PostgresqlState, tx: TxId): Refusal | null {
  if (phase !== 'session') return null
  for (const { kind, groups, begin } of open) {
    if (begin !== null) return null
    if (groups.some((txs) => txs.includes(tx))) return errorResponse()
    if (kind === 'query' || kind === 'call' || kind === 'sync') return null
  }
  return null
}

function errorResponse(): Refusal {
  const octets = 4 + FIELDS.length
  const text = fromLatin1(FIELDS)
  return {
    toOpener: Uint8Array.from([0x45, 0, 0, octets >> 8, octets & 0xff, ...text]),
    then: 'close',
  }
}
