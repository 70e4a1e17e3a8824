import type { Dir } from '../../../core/inspect/contract.js'
import { ERR, isErrorAtOnce, PROTOCOL_10, readGreeting } from './handshake.js'
import { HEADER_OCTETS, readHeader } from './packet.js'

/** A greeting, or an error with its text. */
const GREETING_OCTETS = 767
export const PROBE_OCTETS = HEADER_OCTETS + GREETING_OCTETS

/** The server speaks first, and all of its greeting is looked at. */
export function probeMysql({
  orig,
  reply,
}: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  if (reply.length === 0) return orig.length > 0 ? 'no' : 'more'
  const [, middle, high, sequence, type] = reply
  if ((middle ?? 0) > 2 || (high ?? 0) > 0) return 'no'
  // Some servers number an error at once as if a login came before it.
  if (sequence !== undefined && sequence > (type === PROTOCOL_10 ? 0 : 1)) return 'no'
  if (type !== undefined && type !== PROTOCOL_10 && type !== ERR) return 'no'
  const header = readHeader(reply)
  if (header === null) return 'more'
  if (header.octets === 0 || header.octets > GREETING_OCTETS) return 'no'
  const end = HEADER_OCTETS + header.octets
  if (reply.length < end) return 'more'
  const payload = reply.subarray(HEADER_OCTETS, end)
  return readGreeting(payload) !== null || isErrorAtOnce(payload) ? 'yes' : 'no'
}
