/** Greeting and login: who connects, to which database, and what later octets mean. */
import { latin1, Reader } from '../../../core/bytes.js'
import { textOf } from '../sql/statement.js'
import { Capability } from './code.js'
import { lengthEncoded, nulTerminated, unsigned } from './packet.js'

export const PROTOCOL_10 = 10
export const ERR = 0xff
/** Versions of real servers are half as long. */
const VERSION_OCTETS = 128
const ERROR_CODES = { first: 1_000, last: 9_999 }

export interface Greeting {
  readonly version: string
  readonly capabilities: number
  readonly status: number
}

/** Protocol::HandshakeV10. */
export function readGreeting(payload: Uint8Array): Greeting | null {
  const reader = new Reader(payload)
  if (reader.u8() !== PROTOCOL_10) return null
  const version = latin1(nulTerminated(reader, payload))
  // Connection id, the first part of the scramble, and its filler.
  reader.skip(4 + 8 + 1)
  const low = unsigned(reader, 2)
  if (reader.short || !/^[\x20-\x7e]+$/.test(version) || version.length > VERSION_OCTETS)
    return null
  if (reader.left === 0) return { version, capabilities: low, status: 0 }
  reader.skip(1)
  const status = unsigned(reader, 2)
  const high = unsigned(reader, 2)
  reader.skip(1 + 6)
  if (reader.short) return null
  return { version, capabilities: low | (high << 16), status }
}

/** The server refuses before there is a session. */
export function isErrorAtOnce(payload: Uint8Array): boolean {
  const reader = new Reader(payload)
  const isErr = reader.u8() === ERR
  const code = unsigned(reader, 2)
  const text = latin1(reader.octets(reader.left))
  const known = code >= ERROR_CODES.first && code <= ERROR_CODES.last
  return isErr && known && /^[\x20-\x7e\x80-\xff\r\n\t]+$/.test(text)
}

export interface Login {
  readonly capabilities: number
  /** MariaDB's. */
  readonly extended: number
  /** Number of its collation; 0 = not said. */
  readonly charset: number
  readonly user: string
  readonly database: string
}

/** Protocol::HandshakeResponse41 or 320, or the SSLRequest that is its beginning; null = malformed. */
export function readLogin(payload: Uint8Array, serverIsMariadb: boolean): Login | 'ssl' | null {
  const low = unsigned(new Reader(payload), 2)
  if (low & Capability.ssl) return 'ssl'
  return low & Capability.protocol41 ? login41(payload, serverIsMariadb) : login320(payload)
}

function login41(payload: Uint8Array, serverIsMariadb: boolean): Login | null {
  const reader = new Reader(payload)
  const capabilities = unsigned(reader, 4) | 0
  // The longest packet.
  reader.skip(4)
  const charset = reader.u8()
  reader.skip(19)
  const extended = unsigned(reader, 4) | 0
  const user = textOf(nulTerminated(reader, payload))
  if (capabilities & Capability.lengthEncodedAuth) reader.skip(lengthEncoded(reader) ?? -1)
  else if (capabilities & Capability.secureConnection) reader.skip(reader.u8())
  else nulTerminated(reader, payload)
  const named = capabilities & Capability.connectWithDatabase
  const database = named ? textOf(nulTerminated(reader, payload)) : ''
  if (reader.short) return null
  const isMariadb = serverIsMariadb && !(capabilities & Capability.longPassword)
  return { capabilities, extended: isMariadb ? extended : 0, charset, user, database }
}

function login320(payload: Uint8Array): Login | null {
  const reader = new Reader(payload)
  const capabilities = unsigned(reader, 2)
  reader.skip(3)
  const user = textOf(nulTerminated(reader, payload))
  const named = capabilities & Capability.connectWithDatabase
  if (named) nulTerminated(reader, payload)
  const database = named ? textOf(nulTerminated(reader, payload)) : ''
  return reader.short ? null : { capabilities, extended: 0, charset: 0, user, database }
}

/** COM_CHANGE_USER: user, proof, database, and a character set where more follows. */
export function readChangeUser(
  payload: Uint8Array,
  capabilities: number,
): Pick<Login, 'user' | 'database' | 'charset'> | null {
  const reader = new Reader(payload)
  reader.skip(1)
  const user = textOf(nulTerminated(reader, payload))
  if (capabilities & Capability.secureConnection) reader.skip(reader.u8())
  else nulTerminated(reader, payload)
  const database = textOf(nulTerminated(reader, payload))
  if (reader.short) return null
  return { user, database, charset: reader.left < 2 ? 0 : unsigned(reader, 2) }
}
