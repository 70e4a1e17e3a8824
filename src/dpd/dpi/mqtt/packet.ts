/** Control packets of MQTT 3.1, 3.1.1 and 5.0: the fixed header, and what a body's fields are made of. Sections are those of MQTT 5.0. */
import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { utf8Text } from '../utf8.js'

/** §2.1.2. */
export const PacketType = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  UNSUBSCRIBE: 10,
  UNSUBACK: 11,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
  AUTH: 15,
} as const

/** Protocol levels (§3.1.2.2); a bridge adds BRIDGE to its own. */
export const LEVEL_3_1 = 3
export const LEVEL_3_1_1 = 4
export const LEVEL_5 = 5
export const BRIDGE = 0x80

/** §2.1.4: four octets of seven bits. */
const LENGTH_OCTETS = 4
const CONTINUES = 0x80

export interface Packet {
  readonly type: number
  readonly flags: number
  readonly headerOctets: number
  /** Of the whole packet. */
  readonly octets: number
}

/** null = the fixed header is not all there. */
export function readHeader(input: Uint8Array): Packet | string | null {
  const reader = new Reader(input)
  const first = reader.u8()
  const length = readVariable(reader)
  if (length < 0) return 'MQTT 5.0 §2.1.4 remaining length'
  if (reader.short) return null
  const octets = reader.at + length
  return { type: first >> 4, flags: first & 0x0f, headerOctets: reader.at, octets }
}

/** A variable byte integer (§1.5.5); -1 = longer than any. */
export function readVariable(reader: Reader): number {
  let value = 0
  for (let i = 0; i < LENGTH_OCTETS; i++) {
    const octet = reader.u8()
    value += (octet & 0x7f) * 128 ** i
    if ((octet & CONTINUES) === 0) return value
  }
  return -1
}

/** Those with 0010 in their flags (§2.1.3). */
const FLAGS_2: ReadonlySet<number> = new Set([
  PacketType.PUBREL,
  PacketType.SUBSCRIBE,
  PacketType.UNSUBSCRIBE,
])
const SENT_BY: Readonly<Record<Dir, ReadonlySet<number>>> = {
  orig: new Set([1, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15]),
  reply: new Set([2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 15]),
}
const QOS = 0x06
const DUP = 0x08

/** What a fixed header says against itself; null = nothing. MQTT 3.1 set DUP in other packets too. */
export function malformedHeader(packet: Packet, dir: Dir, level: number): string | null {
  const { type, flags } = packet
  if (!SENT_BY[dir].has(type)) return 'MQTT 5.0 §2.1.2 packet type of the other side'
  const body = packet.octets - packet.headerOctets
  if (type === PacketType.PUBLISH) {
    return (flags & QOS) === QOS ? 'MQTT 5.0 §3.3.1.2 QoS 3' : null
  }
  // Its level, which says whether they are reserved, is in its body.
  if (type === PacketType.CONNECT) return null
  const lenient = level === LEVEL_3_1 ? DUP : 0
  if ((flags & ~lenient) !== (FLAGS_2.has(type) ? 2 : 0)) return 'MQTT 5.0 §2.1.3 reserved flags'
  if (type === PacketType.AUTH && level !== LEVEL_5) return 'MQTT 3.1.1 §2.2.1 packet type 15'
  if ((type === PacketType.PINGREQ || type === PacketType.PINGRESP) && body !== 0) {
    return 'MQTT 5.0 §3.12 remaining length'
  }
  return null
}

export const qosOf = ({ flags }: Packet): number => (flags & QOS) >> 1

/** Fields of a packet after its fixed header; the first that no reading allows is the clause. */
export class Body {
  clause: string | null = null
  readonly reader: Reader

  constructor(octets: Uint8Array, from: number) {
    this.reader = new Reader(octets, from)
  }

  get short(): boolean {
    return this.reader.short
  }

  /** A UTF-8 encoded string, without NUL (§1.5.4). */
  text(): string {
    const text = utf8Text(this.reader.octets(this.reader.u16be()))
    if (text !== null && !text.includes('\0')) return text
    this.clause ??= 'MQTT 5.0 §1.5.4 UTF-8'
    return ''
  }

  /** Binary data (§1.5.6). */
  skipBinary(): void {
    this.reader.skip(this.reader.u16be())
  }

  variable(): number {
    const value = readVariable(this.reader)
    if (value < 0) this.clause ??= 'MQTT 5.0 §1.5.5 variable byte integer'
    return Math.max(0, value)
  }
}
