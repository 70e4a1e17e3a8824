/** What a capture lacks of what was on the wire: the flow is known all the same. */
import { join } from 'node:path'
import t from 'tap'
import { EMPTY_DIRECTORY } from '../../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../../src/core/policy/model.js'
import { replay } from '../../src/dpd/replay.js'
import { type Packet, readCapture, writeCapture } from '../fuzz/captures.js'
import { root } from '../root.js'

const NAME = join(root, 'test/fixtures/dpi/captures/quic/ngtcp2.pcap')
const IP = 14
const IP_OCTETS = 20
const PIECE = 512

async function appsOf(packets: readonly Packet[]) {
  const { flows, counters } = await replay({
    ...{ capture: writeCapture(1, packets), set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY },
    ...{ namespace: 'default', pod: 'web', resolvers: [] },
  })
  return { apps: flows.map(({ app }) => app), malformed: counters.malformed }
}

/** Of a datagram without a checksum that holds, as one between a machine's own addresses is. */
function fragments({ timeUs, octets }: Packet, id: number): Packet[] {
  const body = octets.subarray(IP + IP_OCTETS)
  const pieces: Packet[] = []
  for (let at = 0; at < body.length; at += PIECE) {
    const piece = body.subarray(at, at + PIECE)
    const packet = Buffer.concat([octets.subarray(0, IP + IP_OCTETS), piece])
    packet.writeUInt16BE(IP_OCTETS + piece.length, IP + 2)
    packet.writeUInt16BE(id, IP + 4)
    const more = at + PIECE < body.length ? 0x2000 : 0
    packet.writeUInt16BE(more | (at / 8), IP + 6)
    pieces.push({ timeUs, octets: packet })
  }
  return pieces
}

t.test('fragments whose checksums the card was to fill in', async (t) => {
  const { packets } = readCapture(NAME)
  const { apps, malformed } = await appsOf(packets.flatMap(fragments))
  t.same([...new Set(apps)], ['quic'])
  t.equal(malformed, 0)
})

t.test('lengths and checksums that the card was to fill in', async (t) => {
  const { packets } = readCapture(join(root, 'test/fixtures/dpi/captures/redis/cli.pcap'))
  const offloaded = packets.map(({ timeUs, octets }) => {
    const copy = Buffer.from(octets)
    copy.writeUInt16BE(0, IP + 2)
    copy.writeUInt16BE(0, IP + 10)
    return { timeUs, octets: copy }
  })
  const { apps, malformed } = await appsOf(offloaded)
  t.same([...new Set(apps)], ['redis'])
  t.equal(malformed, 0)
})
