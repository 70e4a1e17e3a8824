import { latin1, Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { Capability } from './code.js'
import { ERR, isErrorAtOnce, PROTOCOL_10, readGreeting, readLogin } from './handshake.js'
import { HEADER_OCTETS, readHeader, unsigned } from './packet.js'

/** A greeting, or an error with its text. */
const GREETING_OCTETS = 767
/** A login of protocol 3.20 without a name. */
const LOGIN_OCTETS = 6
/** Attributes of a connection take 65 535, and servers refuse more. */
const LONGEST_LOGIN = 0xffff
const PLAIN_LOGIN = 1_024
export const PROBE_OCTETS = HEADER_OCTETS + PLAIN_LOGIN
const HIGH_AT = 2
const SEQUENCE_AT = 3
const [NAME_AT_41, NAME_AT_320] = [32, 5]
/** 128 characters of 4 octets, and one to tell that there are more. */
const NAME_OCTETS = 513
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

/**
 * Its number is one more than the greeting's. Nobody answers a client of another protocol before it is told apart, and
 * LDAP's and others' first octets may be such a header: so each octet is looked at as soon as it is there.
 */
function probeLogin(orig: Uint8Array): 'yes' | 'no' | 'more' {
  if ((orig[SEQUENCE_AT] ?? 1) !== 1) return 'no'
  const header = readHeader(orig)
  if (header === null) return (orig[HIGH_AT] ?? 0) === 0 ? 'more' : 'no'
  const { octets } = header
  if (octets < LOGIN_OCTETS || octets > LONGEST_LOGIN) return 'no'
  const payload = orig.subarray(HEADER_OCTETS, HEADER_OCTETS + octets)
  const reader = new Reader(payload)
  const capabilities = unsigned(reader, 2)
  if (reader.short) return 'more'
  if ((capabilities & Capability.ssl) !== 0) {
    if (octets > PLAIN_LOGIN) return 'no'
    return payload.length === octets ? 'yes' : 'more'
  }
  const isProtocol41 = (capabilities & Capability.protocol41) !== 0
  const name = nameSoFar(payload, isProtocol41 ? NAME_AT_41 : NAME_AT_320)
  if (CONTROL.test(name.octets) || name.octets.length > NAME_OCTETS) return 'no'
  if (!name.isWhole && payload.length < octets) return 'more'
  // Whom a server lets in without a name, it lets in from its own machine.
  if (name.octets === '') return 'no'
  // As long as no client's without attributes of its connection is: it need not come whole.
  if (octets > PLAIN_LOGIN) return 'yes'
  if (payload.length < octets) return 'more'
  return readLogin(payload, false) === null ? 'no' : 'yes'
}

function nameSoFar(payload: Uint8Array, at: number) {
  if (payload.length <= at) return { octets: '', isWhole: false }
  const end = payload.indexOf(0, at)
  return { octets: latin1(payload, at, end < 0 ? payload.length : end), isWhole: end >= 0 }
}
