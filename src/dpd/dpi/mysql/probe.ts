import type { Dir } from '../../../core/inspect/contract.js'
import { AUTHENTICATION_OCTETS } from './authentication.js'
import { ERR, isErrorAtOnce, PROTOCOL_10, readGreeting, readLogin } from './handshake.js'
import { HEADER_OCTETS, readHeader } from './packet.js'

/** A greeting, or an error with its text. */
const GREETING_OCTETS = 767
/** A login of protocol 3.20 without a name. */
const LOGIN_OCTETS = 6
export const PROBE_OCTETS = HEADER_OCTETS + AUTHENTICATION_OCTETS
/** No name of an account has one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROL = /[\x00-\x1f\x7f]/

/** The server speaks first, and all of its greeting is looked at; a client need not wait for it with its login. */
export function probeMysql({
  orig,
  reply,
}: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  if (reply.length === 0) return orig.length > 0 ? probeLogin(orig) : 'more'
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

/** Its number is one more than the greeting's. */
function probeLogin(orig: Uint8Array): 'yes' | 'no' | 'more' {
  const header = readHeader(orig)
  if (header === null) return 'more'
  if (header.sequence !== 1 || header.octets < LOGIN_OCTETS) return 'no'
  // Attributes of a connection may be longer than what is read of any login.
  const end = HEADER_OCTETS + Math.min(header.octets, AUTHENTICATION_OCTETS)
  if (orig.length < end) return 'more'
  const login = readLogin(orig.subarray(HEADER_OCTETS, end), false)
  if (login === null) return 'no'
  if (login === 'ssl') return 'yes'
  const isNamed = login.isProtocol41 || login.user !== ''
  return isNamed && !CONTROL.test(login.user) ? 'yes' : 'no'
}
