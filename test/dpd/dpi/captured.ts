/**
 * Flows of the captures under test/fixtures/dpi/captures: Ethernet, Linux cooked or raw IP, one host's loopback
 * or veth, without loss. What a lossy or hostile capture yields is the engine's affair, tested elsewhere.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Reader } from '../../../src/core/bytes.js'
import type { Dir } from '../../../src/core/inspect/contract.js'
import { root } from '../../root.js'
import type { Send } from './send.js'

export const capturesFolder = join(root, 'test/fixtures/dpi/captures')

export interface CapturedFlow {
  readonly transport: 'tcp' | 'udp'
  readonly openerPort: number
  readonly receiverPort: number
  /** In the order of capture. */
  readonly sends: readonly Send[]
}

interface OpenFlow extends CapturedFlow {
  readonly sends: Send[]
  readonly opener: string
  /** Next sequence number wanted. */
  readonly next: Partial<Record<Dir, number>>
}

interface Segment {
  readonly transport: 'tcp' | 'udp'
  readonly source: string
  readonly destination: string
  readonly ports: readonly [number, number]
  readonly sequence: number
  readonly flags: number
  readonly payload: Uint8Array
}

const FIN = 1
const SYN = 2
const ACK = 16
const PCAP_LITTLE = 0xd4c3b2a1
const PCAP_HEADER_OCTETS = 24
const LINK_HEADER_OCTETS: Readonly<Record<number, number>> = {
  1: 14,
  12: 0,
  101: 0,
  113: 16,
  276: 20,
}

/** By the first frame of each; `name` is `folder/file` without `.pcap`. */
export function readCaptured(name: string): CapturedFlow[] {
  return capturedFlows(name, new Uint8Array(readFileSync(join(capturesFolder, `${name}.pcap`))))
}

/** `name` is told where the file can't be read. */
export function capturedFlows(name: string, file: Uint8Array): CapturedFlow[] {
  const flows: OpenFlow[] = []
  for (const frame of framesOf(name, file)) {
    const segment = readSegment(frame)
    if (segment !== null) addTo(flows, segment)
  }
  return flows
}

function* framesOf(name: string, file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (view.getUint32(0) !== PCAP_LITTLE) throw new Error(`${name}: not a little-endian pcap file`)
  const header = LINK_HEADER_OCTETS[view.getUint32(20, true)]
  if (header === undefined) throw new Error(`${name}: unknown link type`)
  let at = PCAP_HEADER_OCTETS
  while (at < file.length) {
    const octets = view.getUint32(at + 8, true)
    yield file.subarray(at + 16 + header, at + 16 + octets)
    at += 16 + octets
  }
}

/** From the IP header on. */
function readSegment(packet: Uint8Array): Segment | null {
  const reader = new Reader(packet)
  const version = reader.u8() >> 4
  const isV4 = version === 4
  const headerOctets = isV4 ? ((packet[0] ?? 0) & 15) * 4 : 40
  const total = new Reader(packet, isV4 ? 2 : 4).u16be() + (isV4 ? 0 : 40)
  const protocol = packet[isV4 ? 9 : 6]
  if (protocol !== 6 && protocol !== 17) return null
  const addresses = isV4 ? packet.subarray(12, 20) : packet.subarray(8, 40)
  const half = addresses.length / 2
  const l4 = new Reader(packet, headerOctets, total)
  const ports = [l4.u16be(), l4.u16be()] as const
  const sequence = protocol === 6 ? l4.u32be() : 0
  const offset = protocol === 6 ? (packet[headerOctets + 12] ?? 0) >> 4 : 2
  return {
    transport: protocol === 6 ? 'tcp' : 'udp',
    source: `${addresses.subarray(0, half)}`,
    destination: `${addresses.subarray(half)}`,
    ports,
    sequence,
    flags: protocol === 6 ? (packet[headerOctets + 13] ?? 0) : 0,
    payload: packet.subarray(headerOctets + offset * 4, total),
  }
}

function addTo(flows: OpenFlow[], segment: Segment): void {
  const isFirst = segment.transport === 'tcp' && (segment.flags & (SYN | ACK)) === SYN
  const known = isFirst ? undefined : flows.findLast((flow) => dirOf(flow, segment) !== null)
  const flow = known ?? open(flows, segment)
  const dir = dirOf(flow, segment) ?? 'orig'
  if (segment.transport === 'udp') {
    flow.sends.push({ dir, octets: segment.payload, ended: false })
    return
  }
  const begin = segment.flags & SYN ? segment.sequence + 1 : segment.sequence
  const next = flow.next[dir] ?? begin
  // Keep-alives and retransmissions bring nothing new.
  const fresh = segment.payload.subarray(Math.max(0, (next - begin) | 0))
  const ended = (segment.flags & FIN) !== 0
  flow.next[dir] = (next + fresh.length) >>> 0
  if (fresh.length > 0 || ended) flow.sends.push({ dir, octets: fresh, ended })
}

function open(
  flows: OpenFlow[],
  { transport, source, ports: [openerPort, receiverPort] }: Segment,
) {
  const opener = `${source} ${openerPort}`
  const flow: OpenFlow = { transport, opener, openerPort, receiverPort, sends: [], next: {} }
  flows.push(flow)
  return flow
}

function dirOf(flow: OpenFlow, { transport, source, destination, ports }: Segment): Dir | null {
  const [from, to] = ports
  if (transport !== flow.transport) return null
  if (flow.opener === `${source} ${from}` && to === flow.receiverPort) return 'orig'
  return flow.opener === `${destination} ${to}` && from === flow.receiverPort ? 'reply' : null
}
