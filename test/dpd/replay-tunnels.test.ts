/** HTTP through tunnels: a real kernel's VXLAN, and what it carried put into each other encapsulation. */
import { join } from 'node:path'
import t from 'tap'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../src/core/policy/model.js'
import { replay } from '../../src/dpd/replay.js'
import { type Packet, readCapture, writeCapture } from '../fuzz/captures.js'
import { root } from '../root.js'

const RECORDED = readCapture(join(root, 'test/fixtures/tunnel/vxlan-http.pcap'))
const ETHERNET_OCTETS = 14
const IPV4_OCTETS = 20
/** Ethernet, IPv4, UDP, VXLAN. */
const VXLAN_END = ETHERNET_OCTETS + IPV4_OCTETS + 8 + 8
const [IPIP, SIXINFOUR, GRE, UDP] = [4, 41, 47, 17] as const

async function flowsOf(packets: readonly Packet[]) {
  const capture = writeCapture(RECORDED.linkType, packets)
  return await replay({
    ...{ capture, set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY },
    ...{ namespace: 'default', pod: 'web', resolvers: [] },
  })
}

const http = (flows: Awaited<ReturnType<typeof flowsOf>>['flows']) =>
  flows
    .filter(({ app }) => app === 'http')
    .map(({ destination, tunnel, transactionsTotal }) => ({
      ...{ destination, tunnel, transactionsTotal },
    }))

t.test('a kernel’s VXLAN, either family in either', async (t) => {
  const { flows, counters } = await flowsOf(RECORDED.packets)
  const over = (kind: 'vxlan', id: number, peer: string) => ({ kind, id, peer })
  const four = over('vxlan', 42, '10.1.0.2')
  const six = over('vxlan', 43, 'fd01::2')
  t.same(http(flows), [
    { destination: '10.94.0.2', tunnel: four, transactionsTotal: 1 },
    { destination: 'fd94::2', tunnel: four, transactionsTotal: 1 },
    { destination: '10.96.0.2', tunnel: six, transactionsTotal: 1 },
    { destination: 'fd96::2', tunnel: six, transactionsTotal: 1 },
  ])
  t.match(counters, { malformed: 0, tunnel_malformed: 0, tunnel_depth: 0 })
})

function checksum(octets: Buffer): number {
  let sum = 0
  for (let at = 0; at < octets.length; at += 2) sum += octets.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** With the outer addresses of `packet`. */
function within(packet: Buffer, protocol: number, body: Buffer): Buffer {
  const head = Buffer.from(packet.subarray(0, ETHERNET_OCTETS + IPV4_OCTETS))
  const ip = head.subarray(ETHERNET_OCTETS)
  ip.writeUInt16BE(IPV4_OCTETS + body.length, 2)
  ip.writeUInt16BE(0, 6)
  ip.writeUInt8(protocol, 9)
  ip.writeUInt16BE(0, 10)
  ip.writeUInt16BE(checksum(ip), 10)
  return Buffer.concat([head, body])
}

const be16 = (...values: readonly number[]): Buffer => {
  const octets = Buffer.alloc(values.length * 2)
  values.forEach((value, i) => {
    octets.writeUInt16BE(value, i * 2)
  })
  return octets
}

type Wrap = (packet: Buffer, inner: Buffer) => Buffer
const ethertype = (inner: Buffer): number => inner.readUInt16BE(12)
const ip = (inner: Buffer): Buffer => inner.subarray(ETHERNET_OCTETS)
const WRAPS: Readonly<Record<string, { readonly kind: string; readonly wrap: Wrap }>> = {
  'IP in IP': {
    kind: 'ip',
    wrap: (packet, inner) =>
      within(packet, ethertype(inner) === 0x0800 ? IPIP : SIXINFOUR, ip(inner)),
  },
  GRE: {
    kind: 'gre',
    wrap: (packet, inner) =>
      within(packet, GRE, Buffer.concat([be16(0x3000, ethertype(inner), 0, 7, 0, 1), ip(inner)])),
  },
  'Ethernet in GRE': {
    kind: 'gre',
    wrap: (packet, inner) => within(packet, GRE, Buffer.concat([be16(0, 0x6558), inner])),
  },
  Geneve: {
    kind: 'geneve',
    wrap: (packet, inner) => {
      const geneve = Buffer.concat([be16(0x0100, 0x6558, 0, 0x2a00, 1, 0x8000), inner])
      return within(packet, UDP, Buffer.concat([be16(50000, 6081, 8 + geneve.length, 0), geneve]))
    },
  },
  'VXLAN in IP in IP': {
    kind: 'vxlan',
    wrap: (packet) => within(packet, IPIP, packet.subarray(ETHERNET_OCTETS)),
  },
}

/** The IPv4 packets of the recording that are whole and carry IP. */
function rewrapped(wrap: Wrap): Packet[] {
  return RECORDED.packets.flatMap(({ timeUs, octets }) => {
    const packet = Buffer.from(octets)
    const isWhole = packet.readUInt16BE(12) === 0x0800 && (packet.readUInt16BE(20) & 0x3fff) === 0
    if (!isWhole || packet.readUInt8(23) !== UDP) return []
    const inner = packet.subarray(VXLAN_END)
    if (ethertype(inner) === 0x0806) return []
    return [{ timeUs, octets: wrap(packet, inner) }]
  })
}

for (const [name, { kind, wrap }] of Object.entries(WRAPS)) {
  t.test(`${name} around the same`, async (t) => {
    const { flows, counters } = await flowsOf(rewrapped(wrap))
    t.match(http(flows), [
      { destination: '10.94.0.2', tunnel: { kind } },
      { destination: 'fd94::2', tunnel: { kind } },
    ])
    t.match(counters, { malformed: 0, tunnel_malformed: 0, tunnel_depth: 0 })
  })
}
