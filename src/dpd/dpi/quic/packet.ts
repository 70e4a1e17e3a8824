/** The part of a packet's header that is in clear (RFC 8999 §5, RFC 9000 §17.2). */
import { latin1, Reader } from '../../../core/bytes.js'
import { varint } from './varint.js'
import { knownVersion, type PacketType, type QuicVersion } from './version.js'

const LONG_HEADER = 0x80
const FIXED_BIT = 0x40
/** In versions 1 and 2; of others nothing is known but that 255 is the end (RFC 8999 §5.1). */
const CID_OCTETS = 20
const VERSION_NEGOTIATION = 0

export type Packet =
  /** A short header, or nothing that could be told apart from it. */
  | { readonly kind: 'opaque' }
  | { readonly kind: 'negotiation'; readonly dcid: string }
  | { readonly kind: 'unknown-version'; readonly version: number }
  | LongPacket

export interface LongPacket {
  readonly kind: 'long'
  readonly type: PacketType
  readonly version: QuicVersion
  /** One character per octet. */
  readonly dcid: string
  readonly scid: string
  /** In the datagram: of the header's first octet, of the protected packet number, and one past the packet. */
  readonly at: number
  readonly numberAt: number
  readonly end: number
}

const OPAQUE: Packet = { kind: 'opaque' }

/** The packet at `at`; several may share a datagram (RFC 9000 §12.2). */
export function readPacket(datagram: Uint8Array, at: number): Packet {
  const reader = new Reader(datagram, at)
  const first = reader.u8()
  if ((first & LONG_HEADER) === 0) return OPAQUE
  const number = reader.u32be()
  const dcid = latin1(reader.octets(reader.u8()))
  const scid = latin1(reader.octets(reader.u8()))
  if (reader.short) return OPAQUE
  if (number === VERSION_NEGOTIATION) return { kind: 'negotiation', dcid }
  const version = knownVersion(number)
  if (version === undefined) return { kind: 'unknown-version', version: number }
  const type = version.types[(first >> 4) & 3]
  const bad = (first & FIXED_BIT) === 0 || dcid.length > CID_OCTETS || scid.length > CID_OCTETS
  if (bad || type === undefined) return OPAQUE
  const header = { kind: 'long', type, version, dcid, scid, at } as const
  // A token and a tag to the datagram's end.
  if (type === 'retry') return { ...header, numberAt: datagram.length, end: datagram.length }
  if (type === 'initial') reader.skip(varint(reader))
  const octets = varint(reader)
  const numberAt = reader.at
  if (reader.short || octets > reader.left) return OPAQUE
  return { ...header, numberAt, end: numberAt + octets }
}
