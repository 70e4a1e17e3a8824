import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { ACK, readFrameHeader, SETTINGS } from './frame.js'

/** RFC 9113 §3.4. */
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
export const PROBE_OCTETS = PREFACE.length

/** A server may send its SETTINGS before the client's preface has come; these alone are no proof. */
export function probeHttp2(heads: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  const { orig, reply } = heads
  if (orig.length === 0) return isSettings(reply) ? 'more' : 'no'
  const head = latin1(orig, 0, PREFACE.length)
  if (head === PREFACE) return 'yes'
  return PREFACE.startsWith(head) ? 'more' : 'no'
}

/** Or the beginning of one. */
function isSettings(octets: Uint8Array): boolean {
  const { octets: length, type, flags, stream } = readFrameHeader(new Reader(octets))
  // Fields that are not there yet read as 0.
  const isType = type === SETTINGS || octets.length < 4
  const isLength = octets.length < 3 || length % 6 === 0
  return isType && isLength && (flags & ACK) === 0 && stream === 0 && (octets[0] ?? 0) === 0
}
