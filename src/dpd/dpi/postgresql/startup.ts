/** The first packets have no type: a start, or a request to encrypt or to cancel. */
import { Reader } from '../../../core/bytes.js'
import { textOf } from '../sql/statement.js'
import { text } from './message.js'

export const STARTUP_HEADER_OCTETS = 8
/** MAX_STARTUP_PACKET_LENGTH of the server, which does not count the length's own octets. */
export const STARTUP_OCTETS = 10_004
const PROTOCOL_MAJOR = 3
const REQUEST_MAJOR = 1_234
/** NAMEDATALEN: names of roles and databases are no longer, the server cuts off the rest. */
const NAME_OCTETS = 63
/** As parse_bool() of the server: a beginning of a word is enough. */
const FALSE = /^(?:0|f|fa|fal|fals|false|n|no|of|off)$/i

export type Startup =
  | { readonly kind: 'ssl' | 'gss' | 'cancel'; readonly octets: number }
  | { readonly kind: 'start'; readonly octets: number }

/** By its first 8 octets; null = none of PostgreSQL's. */
export function readStartupHeader(input: Uint8Array): Startup | null {
  const reader = new Reader(input)
  const octets = reader.u32be()
  const major = reader.u16be()
  const minor = reader.u16be()
  if (reader.short || octets < STARTUP_HEADER_OCTETS || octets > STARTUP_OCTETS) return null
  if (major === PROTOCOL_MAJOR) return { kind: 'start', octets }
  if (major !== REQUEST_MAJOR) return null
  // What else stands in these the server reads and passes over.
  if (minor === 5_679) return { kind: 'ssl', octets }
  if (minor === 5_680) return { kind: 'gss', octets }
  // A process number and a key, of 4 octets until protocol 3.2.
  if (minor === 5_678 && octets >= 16 && octets <= 268) return { kind: 'cancel', octets }
  return null
}

export interface Parameters {
  readonly user: string
  readonly database: string
  readonly replication: boolean
}

/** Of a whole start packet; null = malformed. */
export function readParameters(packet: Uint8Array): Parameters | null {
  const reader = new Reader(packet, STARTUP_HEADER_OCTETS)
  const values: Record<string, string> = { user: '', database: '', replication: '' }
  while (reader.left > 1) {
    const name = text(reader, packet)
    const value = text(reader, packet)
    if (name === null || value === null || name.length === 0) return null
    const known = textOf(name)
    if (Object.hasOwn(values, known)) values[known] = textOf(value.subarray(0, NAME_OCTETS))
  }
  const { user = '', database = '', replication = '' } = values
  // The terminator; the server does not look at its value.
  reader.skip(1)
  if (reader.short || user === '') return null
  const replicates = replication !== '' && !FALSE.test(replication)
  return { user, database: database === '' ? user : database, replication: replicates }
}
