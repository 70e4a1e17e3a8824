/** What a flow at rest costs, engine and JavaScript together: open, its app settled, nothing held. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EMPTY_DIRECTORY } from '../src/core/policy/endpoints-directory.js'
import { EMPTY_POLICY_SET } from '../src/core/policy/model.js'
import { openReplay } from '../src/dpd/replay.js'

const FLOWS = 100_000
const FLOWS_BEFORE = 50_000
const FLOWS_PER_CAPTURE = 500
const FRAMES_PER_FLOW = 5
const HEADERS_OCTETS = 54
const PAYLOAD = Buffer.from('\x00\x01\x02 no parser knows this', 'latin1')
const SYN = 2
const ACK = 16

export interface FlowMemory {
  readonly flows: number
  /** Of the whole process after a collection: resident, but for the heap only what is used. */
  readonly octetsPerFlow: number
  /** Of these in JavaScript's heap. */
  readonly heapOctetsPerFlow: number
}

/** Ethernet, IPv4 (RFC 791) and TCP (RFC 9293); the TCP checksum is the capturing host's to make. */
function segment(
  flow: number,
  isReply: boolean,
  flags: number,
  numbers: [number, number],
  text: Buffer,
) {
  const frame = Buffer.alloc(HEADERS_OCTETS + text.length)
  const [source, destination] = isReply
    ? [0x0a000002, 0x0a010000 + (flow >>> 8)]
    : [0x0a010000 + (flow >>> 8), 0x0a000002]
  const client = 20_000 + (flow & 0xff)
  frame.writeUInt16BE(0x0800, 12)
  frame.writeUInt8(0x45, 14)
  frame.writeUInt16BE(frame.length - 14, 16)
  frame.writeUInt8(64, 22)
  frame.writeUInt8(6, 23)
  frame.writeUInt32BE(source, 26)
  frame.writeUInt32BE(destination, 30)
  let sum = 0
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  frame.writeUInt16BE(~sum & 0xffff, 24)
  frame.writeUInt16BE(isReply ? 7777 : client, 34)
  frame.writeUInt16BE(isReply ? client : 7777, 36)
  frame.writeUInt32BE(numbers[0], 38)
  frame.writeUInt32BE(numbers[1], 42)
  frame.writeUInt8(0x50, 46)
  frame.writeUInt8(flags, 47)
  frame.writeUInt16BE(0xffff, 48)
  frame.set(text, HEADERS_OCTETS)
  return frame
}

/** A handshake, a request and its answer, of no protocol that is known. */
function conversation(flow: number): Buffer[] {
  const none = Buffer.alloc(0)
  const sent = 1 + PAYLOAD.length
  return [
    segment(flow, false, SYN, [0, 0], none),
    segment(flow, true, SYN | ACK, [0, 1], none),
    segment(flow, false, ACK, [1, 1], PAYLOAD),
    segment(flow, true, ACK, [1, sent], PAYLOAD),
    segment(flow, false, ACK, [sent, sent], none),
  ]
}

/** pcap-savefile(5); all in one second, so that none is idle too long. */
function captureOf(from: number, to: number): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65535, 16)
  header.writeUInt32LE(1, 20)
  const parts: Buffer[] = [header]
  for (let flow = from; flow < to; flow++) {
    for (const frame of conversation(flow)) {
      const record = Buffer.alloc(16)
      record.writeUInt32LE(1_700_000_000, 0)
      record.writeUInt32LE(frame.length, 8)
      record.writeUInt32LE(frame.length, 12)
      parts.push(record, frame)
    }
  }
  return Buffer.concat(parts)
}

function settled(): { outsideHeap: number; heapUsed: number } {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) collect()
  // What the heap has in reserve is nobody's.
  const { rss, heapTotal, heapUsed } = process.memoryUsage()
  return { outsideHeap: rss - heapTotal, heapUsed }
}

export async function flowMemory(): Promise<FlowMemory> {
  const { engine } = await openReplay({
    ...{ set: EMPTY_POLICY_SET, directory: EMPTY_DIRECTORY, namespace: 'default', pod: 'capture' },
    flowsKept: 1,
  })
  const feed = async (from: number, to: number): Promise<void> => {
    for (let first = from; first < to; first += FLOWS_PER_CAPTURE) {
      const { frames } = await engine.feed(captureOf(first, first + FLOWS_PER_CAPTURE))
      if (frames !== FLOWS_PER_CAPTURE * FRAMES_PER_FLOW) throw new Error(`${frames} frames`)
    }
  }
  // Compiled code, buffers and the engine's empty buckets are no flow's.
  await feed(0, FLOWS_BEFORE)
  const before = settled()
  await feed(FLOWS_BEFORE, FLOWS_BEFORE + FLOWS)
  const after = settled()
  if (engine.flows() !== FLOWS_BEFORE + FLOWS) throw new Error(`${engine.flows()} flows are open`)
  const heap = after.heapUsed - before.heapUsed
  return {
    flows: FLOWS,
    octetsPerFlow: Math.round((after.outsideHeap - before.outsideHeap + heap) / FLOWS),
    heapOctetsPerFlow: Math.round(heap / FLOWS),
  }
}

if (process.argv[1]?.endsWith('bench/flow-memory.js')) console.table([await flowMemory()])
