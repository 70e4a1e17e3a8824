import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import {
  readParameters,
  readStartupHeader,
  STARTUP_HEADER_OCTETS,
  STARTUP_OCTETS,
} from './startup.js'

/** The longest of the names below. */
const NAME_OCTETS = 32
export const PROBE_OCTETS = STARTUP_OCTETS
/** The first of each kind of packet: lengths below 64 KiB, versions 3 (of any minor one) and 1234. */
const HIGH_OCTETS = 0
const VERSION_AT = 4
const VERSIONS: readonly (readonly number[])[] = [
  [0x00, 0x03],
  [0x04, 0xd2, 0x16],
]
/** What drivers send first: the whole packet need not be there. */
const FIRST_NAMES = [
  ...['user', 'database', 'application_name', 'client_encoding', 'options', 'replication'],
  ...['DateStyle', 'TimeZone', 'extra_float_digits', 'client_min_messages', 'search_path'],
  ...['statement_timeout', '_pq_.', 'fallback_application_name'],
]

/** The client speaks first; a ClientHello at once (direct TLS) is tls. */
export function probePostgresql({
  orig,
  reply,
}: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  if (orig.length === 0) return reply.length > 0 ? 'no' : 'more'
  if (orig.subarray(0, 2).some((octet) => octet !== HIGH_OCTETS)) return 'no'
  const version = orig.subarray(VERSION_AT)
  const isOf = (known: readonly number[]): boolean =>
    known.every((octet, i) => i >= version.length || octet === version[i])
  if (!VERSIONS.some(isOf)) return 'no'
  if (orig.length < STARTUP_HEADER_OCTETS) return 'more'
  const startup = readStartupHeader(orig)
  if (startup === null) return 'no'
  return startup.kind === 'start' ? probeStart(orig, startup.octets) : 'yes'
}

/** Settings of any name may come first: then all of them are looked at. */
function probeStart(orig: Uint8Array, octets: number): 'yes' | 'no' | 'more' {
  const end = Math.min(octets, STARTUP_HEADER_OCTETS + NAME_OCTETS)
  const rest = latin1(orig, STARTUP_HEADER_OCTETS, end)
  const isFirst = (name: string): boolean =>
    rest.startsWith(name.endsWith('.') ? name : `${name}\0`)
  if (FIRST_NAMES.some(isFirst)) return 'yes'
  // No name at all.
  if (rest[0] === '\0') return 'no'
  if (orig.length < octets) return 'more'
  return readParameters(orig.subarray(0, octets)) === null ? 'no' : 'yes'
}
