import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'

/** The protocol header that a client begins with (AMQP 0-9-1 §4.2.2, AMQP 1.0 §2.2, §5.2, §5.3). */
export const PROBE_OCTETS = 8

export const VERSION_0_9_1 = '0-9-1'
const VERSIONS: Readonly<Record<string, string>> = {
  'AMQP\0\0\x09\x01': VERSION_0_9_1,
  'AMQP\0\x01\0\0': '1.0',
  // TLS and SASL before it.
  'AMQP\x02\x01\0\0': '1.0',
  'AMQP\x03\x01\0\0': '1.0',
  'AMQP\x01\x01\0\x0a': '0-10',
  'AMQP\x01\x01\0\x09': '0-9',
  'AMQP\x01\x01\x08\0': '0-8',
}

/** Of a whole header; undefined = none that there is. */
export const versionOf = (input: Uint8Array): string | undefined =>
  VERSIONS[latin1(input, 0, PROBE_OCTETS)]

export function probeAmqp(
  heads: Readonly<Record<Dir, Uint8Array>>,
  _ended: Readonly<Record<Dir, boolean>>,
): 'yes' | 'no' | 'more' {
  const { orig, reply } = heads
  if (orig.length === 0) return reply.length === 0 ? 'more' : 'no'
  if (orig.length >= PROBE_OCTETS) return versionOf(orig) === undefined ? 'no' : 'yes'
  const begun = latin1(orig)
  return Object.keys(VERSIONS).some((header) => header.startsWith(begun)) ? 'more' : 'no'
}
