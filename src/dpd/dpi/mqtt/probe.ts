import type { Dir } from '../../../core/inspect/contract.js'
import { isProtocol } from './connect.js'
import { Body, BRIDGE, LEVEL_3_1, type Packet, PacketType, readHeader } from './packet.js'

/** The fixed header, protocol name, level and flags. */
export const PROBE_OCTETS = 16
/** MQTT 3.1 does not use the four bits beside. */
export const CONNECTS: ReadonlySet<number> = new Set(
  Array.from({ length: 16 }, (_, flags) => (PacketType.CONNECT << 4) | flags),
)
const RESERVED = 0x01
/** Level, flags, keep alive, and a client identifier's length. */
const LEAST_AFTER_NAME = 6

/** The client's CONNECT comes first (§3.1.0). */
export function probeMqtt(
  heads: Readonly<Record<Dir, Uint8Array>>,
  _ended: Readonly<Record<Dir, boolean>>,
): 'yes' | 'no' | 'more' {
  const { orig, reply } = heads
  if (orig.length === 0) return reply.length === 0 ? 'more' : 'no'
  if (!CONNECTS.has(orig[0] ?? 0)) return 'no'
  const packet = readHeader(orig)
  if (typeof packet === 'string') return 'no'
  if (packet === null) return 'more'
  return probeConnect(orig, packet)
}

function probeConnect(orig: Uint8Array, packet: Packet): 'yes' | 'no' | 'more' {
  const { headerOctets: from, octets: end } = packet
  const body = new Body(orig, from)
  // The length of the name alone tells most other octets apart.
  const length = body.reader.u16be()
  if (body.short) return end - from < 2 ? 'no' : 'more'
  if (length !== 4 && length !== 6) return 'no'
  if (end - from < 2 + length + LEAST_AFTER_NAME) return 'no'
  const again = new Body(orig, from)
  const name = again.text()
  const level = again.reader.u8() & ~BRIDGE
  const flags = again.reader.u8()
  if (again.short) return 'more'
  if (!isProtocol(name, level)) return 'no'
  const isPlain = packet.flags === 0 && (flags & RESERVED) === 0
  return isPlain || level === LEVEL_3_1 ? 'yes' : 'no'
}
