/** Ethernet frames as hex, octet for octet, for tests that send what no socket would. */
import { parseAddress } from '../../src/core/address.js'
import { parseMac } from '../../src/core/mac.js'

const octetsOf = (address: string): Buffer => Buffer.from(parseAddress(address).octets)
const be16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const be32 = (value: number): Buffer => Buffer.concat([be16(value >>> 16), be16(value & 0xffff)])

/** RFC 1071. */
function checksum(octets: Buffer): number {
  let sum = 0
  for (const [i, octet] of octets.entries()) sum += i % 2 === 0 ? octet << 8 : octet
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

export function ether(to: string, from: string, type: number, payload: Buffer): string {
  return Buffer.concat([parseMac(to), parseMac(from), be16(type), payload]).toString('hex')
}

/** RFC 1112 §6.4, RFC 2464 §7. */
export function groupMac(group: string): string {
  const octets = octetsOf(group)
  const low = octets.subarray(-4)
  const mac =
    octets.length === 4
      ? [0x01, 0x00, 0x5e, (low[1] ?? 0) & 0x7f, ...low.subarray(2)]
      : [0x33, 0x33, ...low]
  return mac.map((octet) => octet.toString(16).padStart(2, '0')).join(':')
}

export interface Hops {
  readonly from: string
  readonly to: string
  readonly hops?: number
}

/** An IP packet of either family. */
export function ip({ from, to, hops = 64 }: Hops, protocol: number, payload: Buffer): Buffer {
  const [source, destination] = [octetsOf(from), octetsOf(to)]
  if (source.length === 16) {
    const head = [be32(0x6000_0000), be16(payload.length), Buffer.from([protocol, hops])]
    return Buffer.concat([...head, source, destination, payload])
  }
  const head = [be16(0x4500), be16(20 + payload.length), be32(0), Buffer.from([hops, protocol])]
  const sum = checksum(Buffer.concat([...head, be16(0), source, destination]))
  return Buffer.concat([...head, be16(sum), source, destination, payload])
}

const ETHERTYPE = { 4: 0x0800, 16: 0x86dd } as const

export function etherOf(macs: { to: string; from: string }, packet: Buffer): string {
  const type = (packet[0] ?? 0) >> 4 === 4 ? ETHERTYPE[4] : ETHERTYPE[16]
  return ether(macs.to, macs.from, type, packet)
}

function withChecksum(at: number, { from, to }: Hops, protocol: number, l4: Buffer): Buffer {
  const length = [be32(l4.length), be32(protocol)]
  const sum = checksum(Buffer.concat([octetsOf(from), octetsOf(to), ...length, l4]))
  return Buffer.concat([l4.subarray(0, at), be16(sum), l4.subarray(at + 2)])
}

export function udp(hops: Hops, ports: readonly [number, number], payload: Buffer): Buffer {
  const head = [be16(ports[0]), be16(ports[1]), be16(8 + payload.length), be16(0)]
  return ip(hops, 17, withChecksum(6, hops, 17, Buffer.concat([...head, payload])))
}

export function icmp4(hops: Hops, type: number, code: number, rest: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type, code, 0, 0]), rest])
  const sum = checksum(message)
  return ip(hops, 1, Buffer.concat([message.subarray(0, 2), be16(sum), message.subarray(4)]))
}

export function icmp6(hops: Hops, type: number, rest: Buffer): Buffer {
  const message = Buffer.concat([Buffer.from([type, 0, 0, 0]), rest])
  return ip(hops, 58, withChecksum(2, hops, 58, message))
}

/** Neighbour discovery comes from a neighbour: hop limit 255 (RFC 4861 §7.1). */
export function nd(hops: Hops, type: number, fixed: Buffer, option?: [number, string]): Buffer {
  const own =
    option === undefined ? [] : [Buffer.from([option[0], 1]), Buffer.from(parseMac(option[1]))]
  return icmp6({ hops: 255, ...hops }, type, Buffer.concat([be32(0), fixed, ...own]))
}

export const target = (address: string): Buffer => octetsOf(address)

export interface ArpFields {
  readonly operation: 1 | 2
  readonly mac: string
  readonly sender: string
  readonly target: string
  /** 4: IPv4. */
  readonly addressOctets?: number
}

export function arp({ operation, mac, sender, target: asked, addressOctets = 4 }: ArpFields) {
  const head = [be16(1), be16(0x0800), Buffer.from([6, addressOctets]), be16(operation)]
  const senderOctets = [Buffer.from(parseMac(mac)), octetsOf(sender)]
  return Buffer.concat([...head, ...senderOctets, Buffer.alloc(6), octetsOf(asked)])
}
