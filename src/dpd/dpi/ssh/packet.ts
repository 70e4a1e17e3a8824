/** Binary packets before keys are in use: no MAC, no encryption (RFC 4253 §6). */
import { Reader } from '../../../core/bytes.js'

/** What a packet may hold at most (§6.1), its length field not counted. */
export const PACKET_OCTETS = 35_000
const LENGTH_OCTETS = 4
/** Length, padding length, message number. */
export const HEADER_OCTETS = 6
/** The cipher's block, before there is one. */
const BLOCK_OCTETS = 8
const LEAST_PADDING_OCTETS = 4

/** Of RFC 4250 §4.1.2. */
export const Message = {
  disconnect: 1,
  ignore: 2,
  unimplemented: 3,
  debug: 4,
  kexinit: 20,
} as const
/** RFC 4253 §11.1. */
export const HOST_NOT_ALLOWED_TO_CONNECT = 1

export interface PacketHeader {
  readonly message: number
  /** The whole packet. */
  readonly octets: number
  readonly paddingOctets: number
}

/** null = malformed; needs HEADER_OCTETS. */
export function readHeader(input: Uint8Array): PacketHeader | null {
  const reader = new Reader(input)
  const length = reader.u32be()
  const paddingOctets = reader.u8()
  const message = reader.u8()
  const octets = LENGTH_OCTETS + length
  const isWhole = octets % BLOCK_OCTETS === 0 && octets > BLOCK_OCTETS && length <= PACKET_OCTETS
  const hasPayload = paddingOctets >= LEAST_PADDING_OCTETS && paddingOctets < length - 1
  return isWhole && hasPayload && !reader.short ? { message, octets, paddingOctets } : null
}

export function payloadOf(packet: Uint8Array, { octets, paddingOctets }: PacketHeader): Uint8Array {
  return packet.subarray(LENGTH_OCTETS + 1, octets - paddingOctets)
}

/** SSH_MSG_DISCONNECT with a description, in no language. */
export function disconnect(reason: number, description: string): Uint8Array {
  const payloadOctets = 1 + 4 + 4 + description.length + 4
  const unpadded = LENGTH_OCTETS + 1 + payloadOctets
  const octets = Math.ceil((unpadded + LEAST_PADDING_OCTETS) / BLOCK_OCTETS) * BLOCK_OCTETS
  const packet = new Uint8Array(octets)
  const view = new DataView(packet.buffer)
  view.setUint32(0, octets - LENGTH_OCTETS)
  packet[LENGTH_OCTETS] = octets - unpadded
  packet[LENGTH_OCTETS + 1] = Message.disconnect
  view.setUint32(LENGTH_OCTETS + 2, reason)
  view.setUint32(LENGTH_OCTETS + 6, description.length)
  for (let i = 0; i < description.length; i++) {
    packet[LENGTH_OCTETS + 10 + i] = description.charCodeAt(i)
  }
  return packet
}
