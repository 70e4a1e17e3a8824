import { fromLatin1 } from '../../../core/bytes.js'
import type { Refusal, TxId } from '../../../core/inspect/contract.js'
import { Capability } from './code.js'
import { ERR } from './handshake.js'
import { can, type MysqlState } from './session.js'

/** ER_TABLEACCESS_DENIED_ERROR: what clients know as a lack of privileges. */
const CODE = 1_142
const STATE = '#42000'
const TEXT = 'Denied by network policy'

/** An ERR packet, where the opener awaits this command's reply next and has had none of it. */
export function denied(state: MysqlState, tx: TxId): Refusal | null {
  const [command] = state.open
  if (state.phase !== 'command' || command === undefined) return null
  const isAsked = command.groups.some(({ txs }) => txs.includes(tx))
  if (!isAsked || command.begin !== null || command.stage === 'file') return null
  const text = can(state, Capability.protocol41) ? STATE + TEXT : TEXT
  const octets = 3 + text.length
  const sequence = (command.sequence + 1) & 0xff
  const head = [octets & 0xff, octets >> 8, 0, sequence, ERR, CODE & 0xff, CODE >> 8]
  return { toOpener: Uint8Array.from([...head, ...fromLatin1(text)]), then: 'close' }
}
