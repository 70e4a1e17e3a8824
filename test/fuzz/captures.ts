/** Captures as packets, and damage to them that still leaves most of each packet readable. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { unpackCapture } from '../../src/dpd/capture-file.js'
import { root } from '../root.js'
import type { Random } from './random.js'

export interface Packet {
  readonly timeUs: number
  readonly octets: Uint8Array
}

export interface Capture {
  readonly linkType: number
  readonly packets: readonly Packet[]
}

const FOLDERS = [
  ...['bench/captures', 'test/fixtures/dpi/captures', 'test/fixtures/score'],
  'test/fixtures/tunnel',
]
const PCAP_HEADER_OCTETS = 24
const RECORD_HEADER_OCTETS = 16
const MAGIC_LITTLE = 0xd4c3b2a1
/** LINKTYPE_ETHERNET, _RAW, _LINUX_SLL, _LINUX_SLL2: where the IP header is. */
const IP_AT: Readonly<Record<number, number>> = { 1: 14, 101: 0, 113: 16, 276: 20 }

/** Of classic pcap files; pcapng has its own fuzz target. */
export function readCaptures(): Capture[] {
  const folders = FOLDERS.filter((folder) => existsSync(join(root, folder)))
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(?:pcap|cap)(?:\.gz)?$/.test(name))
        .sort()
        .map((name) => readCapture(join(root, folder, name))),
    )
    .filter(({ packets }) => packets.length > 0)
}

export function readCapture(path: string): Capture {
  const file = Buffer.from(unpackCapture(readFileSync(path)))
  const isLittle = file.readUInt32BE(0) === MAGIC_LITTLE
  const u32 = (at: number) => (isLittle ? file.readUInt32LE(at) : file.readUInt32BE(at))
  const packets: Packet[] = []
  for (let at = PCAP_HEADER_OCTETS; at < file.length; ) {
    const end = at + RECORD_HEADER_OCTETS + u32(at + 8)
    const octets = new Uint8Array(file.subarray(at + RECORD_HEADER_OCTETS, end))
    packets.push({ timeUs: u32(at) * 1e6 + u32(at + 4), octets })
    at = end
  }
  return { linkType: u32(20), packets }
}

export function writeCapture(linkType: number, packets: readonly Packet[]): Buffer {
  const octets = packets.reduce((sum, each) => sum + RECORD_HEADER_OCTETS + each.octets.length, 0)
  const file = Buffer.alloc(PCAP_HEADER_OCTETS + octets)
  file.writeUInt32BE(MAGIC_LITTLE, 0)
  file.writeUInt16LE(2, 4)
  file.writeUInt16LE(4, 6)
  file.writeUInt32LE(linkType, 20)
  let at = PCAP_HEADER_OCTETS
  for (const { timeUs, octets } of packets) {
    file.writeUInt32LE(Math.floor(timeUs / 1e6), at)
    file.writeUInt32LE(Math.floor(timeUs % 1e6), at + 4)
    file.writeUInt32LE(octets.length, at + 8)
    file.writeUInt32LE(octets.length, at + 12)
    file.set(octets, at + RECORD_HEADER_OCTETS)
    at += RECORD_HEADER_OCTETS + octets.length
  }
  return file
}

/** RFC 1071, over the header as it is long, so that damage behind its checksum is looked at. */
function mendChecksum(octets: Uint8Array, at: number): void {
  const headerOctets = ((octets[at] ?? 0) & 15) * 4
  if ((octets[at] ?? 0) >> 4 !== 4 || at + headerOctets > octets.length || headerOctets < 20) return
  octets.fill(0, at + 10, at + 12)
  let sum = 0
  for (let i = at; i < at + headerOctets; i += 2)
    sum += ((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  octets[at + 10] = (~sum >>> 8) & 0xff
  octets[at + 11] = ~sum & 0xff
}

const HEADERS_OCTETS = 54
const ODD = [0x00, 0x01, 0x7f, 0x80, 0xff]

/** Bits and octets, more often those behind the headers; the IP checksum is mostly right again. */
function flipped(octets: Uint8Array, linkType: number, random: Random): Uint8Array {
  const copy = octets.slice()
  const from = random.below(4) > 0 && copy.length > HEADERS_OCTETS ? HEADERS_OCTETS : 0
  for (let flips = 1 + random.below(6); flips > 0; flips--) {
    const at = from + random.below(copy.length - from)
    const bit = (copy[at] ?? 0) ^ (1 << random.below(8))
    copy[at] = random.below(4) > 0 ? bit : random.pick(ODD)
  }
  const ipAt = IP_AT[linkType]
  if (ipAt !== undefined && random.below(8) > 0) mendChecksum(copy, ipAt)
  return copy
}

export interface Damaged {
  readonly packets: readonly Packet[]
  /** Packets flipped, cut, repeated, moved or dropped. */
  readonly changes: number
}

/** At most so many packets of it. */
export function damage(capture: Capture, mostPackets: number, random: Random): Damaged {
  const { linkType } = capture
  const from = random.below(Math.max(1, capture.packets.length - mostPackets + 1))
  const packets = capture.packets.slice(from, from + mostPackets)
  const changes = 1 + random.below(packets.length)
  for (let change = 0; change < changes && packets.length > 0; change++) {
    const at = random.below(packets.length)
    const packet = packets[at]
    if (packet === undefined) continue
    const { octets, timeUs } = packet
    const kind = random.below(16)
    if (kind === 0) packets.splice(at, 1)
    else if (kind === 1) packets.splice(random.below(packets.length), 0, packet)
    else if (kind === 2) packets.splice(random.below(packets.length), 0, ...packets.splice(at, 1))
    else if (kind === 3)
      packets[at] = { timeUs, octets: octets.subarray(0, random.below(octets.length + 1)) }
    else if (octets.length > 0) packets[at] = { timeUs, octets: flipped(octets, linkType, random) }
  }
  return { packets, changes }
}

/** The capture's first SYN, or datagram, from so many ports: more flows than a table has room for. */
export function flood(capture: Capture, connections: number): readonly Packet[] {
  const ipAt = IP_AT[capture.linkType]
  const [first] = capture.packets
  if (ipAt === undefined || first === undefined) return []
  const headerOctets = ((first.octets[ipAt] ?? 0) & 15) * 4
  return Array.from({ length: connections }, (_, i) => {
    const octets = first.octets.slice()
    new DataView(octets.buffer).setUint16(ipAt + headerOctets, 1024 + i)
    return { timeUs: first.timeUs + i, octets }
  })
}
