import type { Dir } from '../../../core/inspect/contract.js'
import { CLIENT_HELLO } from './hello.js'
import { ContentType } from './record.js'

/** A record header and the type of the message in it. */
export const PROBE_OCTETS = 6
const HIGHEST_RECORD_MINOR = 4
const PLAINTEXT_OCTETS = 16_384

/** TLS is client-first; an SSLv2 hello is not TLS. */
export function probeTls(heads: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  const { orig, reply } = heads
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  const [type, major, minor, high, low, message] = orig
  if (type !== ContentType.handshake) return 'no'
  if (major !== undefined && major !== 3) return 'no'
  if (minor !== undefined && minor > HIGHEST_RECORD_MINOR) return 'no'
  const octets = high === undefined || low === undefined ? undefined : high * 256 + low
  if (octets === 0 || (octets !== undefined && octets > PLAINTEXT_OCTETS)) return 'no'
  if (message === undefined) return 'more'
  return message === CLIENT_HELLO ? 'yes' : 'no'
}
