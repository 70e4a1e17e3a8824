import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { CLIENT_HELLO } from './hello.js'
import { ContentType } from './record.js'

/** The longest head that tells: an SSL 2.0 hello's, up to its lengths (RFC 5246 §E.2). */
export const PROBE_OCTETS = 11
const SSL2 = {
  headerBit: 0x80,
  /** Type, version and the three lengths. */
  fixedOctets: 9,
  cipherOctets: 3,
  sessionIdOctets: 32,
  challengeOctets: { least: 16, most: 32 },
} as const
/** Servers take a first record of any minor version; Go's of any version below 0x1000. */
const HIGHEST_RECORD_MAJOR = 15
const RECORD_MAJOR = 3
const PLAINTEXT_OCTETS = 16_384
const SSL2_HIGHEST_MINOR = 4
const ALERT_OCTETS = 2
const WARNING = 1

/** Records, and the lengths of SSL 2.0. */
export const BEGINS: ReadonlySet<number> = new Set([
  ContentType.alert,
  ContentType.handshake,
  ...Array.from({ length: 128 }, (_, low) => SSL2.headerBit | low),
])

type Answer = 'yes' | 'no' | 'more'
type Octet = number | undefined

/**
 * What servers bear with is TLS too, though `malformed`: empty records and warnings before a ClientHello, and one in
 * the format of SSL 2.0, which OpenSSL and GnuTLS answer.
 */
export function probeTls(heads: Readonly<Record<Dir, Uint8Array>>): Answer {
  const { orig, reply } = heads
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  const [type = 0, major, , high, low, message] = orig
  if ((type & SSL2.headerBit) !== 0) return probeSsl2(orig)
  if (major !== undefined && major > HIGHEST_RECORD_MAJOR) return 'no'
  const octets = high === undefined || low === undefined ? undefined : high * 256 + low
  if (type === ContentType.alert) return probeAlert(octets, message)
  if (type !== ContentType.handshake) return 'no'
  if (octets === 0) return major === RECORD_MAJOR ? 'yes' : 'no'
  if (octets !== undefined && octets > PLAINTEXT_OCTETS) return 'no'
  if (message === undefined) return 'more'
  return message === CLIENT_HELLO ? 'yes' : 'no'
}

function probeAlert(octets: Octet, level: Octet): Answer {
  if (octets !== undefined && octets !== ALERT_OCTETS) return 'no'
  if (level === undefined) return 'more'
  return level === WARNING ? 'yes' : 'no'
}

/** Each octet as soon as it is there. */
function probeSsl2(orig: Uint8Array): Answer {
  const [, , type, major, minor] = orig
  if (type !== undefined && type !== CLIENT_HELLO) return 'no'
  if (major !== undefined && major !== RECORD_MAJOR) return 'no'
  if (minor !== undefined && minor > SSL2_HIGHEST_MINOR) return 'no'
  if (orig.length < PROBE_OCTETS) return 'more'
  const reader = new Reader(orig)
  const octets = reader.u16be() & 0x7fff
  reader.skip(3)
  const [ciphers, sessionId, challenge] = [reader.u16be(), reader.u16be(), reader.u16be()]
  const { cipherOctets, sessionIdOctets, challengeOctets, fixedOctets } = SSL2
  const isHello =
    octets === fixedOctets + ciphers + sessionId + challenge &&
    ciphers > 0 &&
    ciphers % cipherOctets === 0 &&
    sessionId <= sessionIdOctets &&
    challenge >= challengeOctets.least &&
    challenge <= challengeOctets.most
  return isHello ? 'yes' : 'no'
}
