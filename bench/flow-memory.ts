/**
 * What a flow at rest costs, engine and JavaScript together: a request and its answer are through, the
 * connection stays open. One process for each kind of flow, since memory that was used once stays.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { EMPTY_DIRECTORY } from '../src/core/policy/endpoints-directory.js'
import { loadPolicySet } from '../src/core/policy/load.js'
import { EMPTY_POLICY_SET, type PolicySet } from '../src/core/policy/model.js'
import { REPLAY_ENDPOINT } from '../src/dpd/engine/replay.js'
import { openReplay } from '../src/dpd/replay.js'
import { KINDS, type Kind } from './conversations.js'

const FLOWS = 100_000
const FLOWS_BEFORE = 50_000
const FLOWS_PER_CAPTURE = 500
/** Beside those that say something. */
const FRAMES_PER_FLOW = 3
const ETHERNET_OCTETS = 14
const SYN = 2
const ACK = 16

export interface FlowMemory {
  readonly kind: string
  readonly flows: number
  /** Of the whole process after a collection: resident, but for the heap only what is used. */
  readonly octetsPerFlow: number
  /** Of these in JavaScript's heap. */
  readonly heapOctetsPerFlow: number
}

function policySet(rule: string): PolicySet {
  const text = `apiVersion: vethwall.dev/v1
kind: Policy
metadata: { name: one, namespace: default }
spec:
  podSelector: {}
  mode: protect
  ingress: [{ name: one, ${rule} }]
`
  const load = loadPolicySet([{ path: 'one.yaml', text }])
  if (!load.ok) throw new Error(load.errors.map(({ message }) => message).join('\n'))
  return load.set
}

/** RFC 791; the TCP checksum is the capturing host's to make. */
function ipv4Header(source: number, destination: number, octets: number): Buffer {
  const header = Buffer.alloc(20)
  header.writeUInt8(0x45, 0)
  header.writeUInt16BE(header.length + octets, 2)
  header.writeUInt8(64, 8)
  header.writeUInt8(6, 9)
  header.writeUInt32BE(0x0a000000 + source, 12)
  header.writeUInt32BE(0x0a000000 + destination, 16)
  let sum = 0
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  header.writeUInt16BE(~sum & 0xffff, 10)
  return header
}

/** RFC 8200. */
function ipv6Header(source: number, destination: number, octets: number): Buffer {
  const header = Buffer.alloc(40)
  header.writeUInt8(0x60, 0)
  header.writeUInt16BE(octets, 4)
  header.writeUInt8(6, 6)
  header.writeUInt8(64, 7)
  for (const [at, address] of [
    [8, source],
    [24, destination],
  ] as const) {
    header.writeUInt16BE(0xfd00, at)
    header.writeUInt32BE(address, at + 12)
  }
  return header
}

type Numbers = readonly [sequence: number, acknowledgement: number]

/** Ethernet, IP and TCP (RFC 9293). */
function segment(
  { version }: Kind,
  [flow, isReply]: readonly [number, boolean],
  flags: number,
  [sequence, acknowledgement]: Numbers,
  payload: Buffer,
): Buffer {
  const client = 0x10000 + (flow >>> 8)
  const clientPort = 20_000 + (flow & 0xff)
  const ethernet = Buffer.alloc(ETHERNET_OCTETS)
  ethernet.writeUInt16BE(version === 4 ? 0x0800 : 0x86dd, 12)
  const tcp = Buffer.alloc(20)
  tcp.writeUInt16BE(isReply ? 7777 : clientPort, 0)
  tcp.writeUInt16BE(isReply ? clientPort : 7777, 2)
  tcp.writeUInt32BE(sequence, 4)
  tcp.writeUInt32BE(acknowledgement, 8)
  tcp.writeUInt8(0x50, 12)
  tcp.writeUInt8(flags, 13)
  tcp.writeUInt16BE(0xffff, 14)
  const header = version === 4 ? ipv4Header : ipv6Header
  const [source, destination] = isReply ? ([2, client] as const) : ([client, 2] as const)
  const ip = header(source, destination, tcp.length + payload.length)
  return Buffer.concat([ethernet, ip, tcp, payload])
}

function conversation(kind: Kind, flow: number): Buffer[] {
  const none = Buffer.alloc(0)
  const of = (isReply: boolean) => [flow, isReply] as const
  const frames = [
    segment(kind, of(false), SYN, [0, 0], none),
    segment(kind, of(true), SYN | ACK, [0, 1], none),
  ]
  let asked = 1
  let answered = 1
  for (const { isReply, octets } of kind.talk) {
    const numbers: Numbers = isReply ? [answered, asked] : [asked, answered]
    frames.push(segment(kind, of(isReply), ACK, numbers, octets))
    if (isReply) answered += octets.length
    else asked += octets.length
  }
  return [...frames, segment(kind, of(false), ACK, [asked, answered], none)]
}

/** pcap-savefile(5); all in one second, so that none is idle too long. */
function captureOf(kind: Kind, from: number, to: number): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65535, 16)
  header.writeUInt32LE(1, 20)
  const parts: Buffer[] = [header]
  for (let flow = from; flow < to; flow++) {
    for (const frame of conversation(kind, flow)) {
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

async function open({ rule }: Kind) {
  const set = rule === null ? EMPTY_POLICY_SET : policySet(rule)
  const replay = await openReplay({
    ...{ set, directory: EMPTY_DIRECTORY, namespace: 'default', pod: 'capture' },
    ...{ flowsKept: 1, ...(rule === null ? {} : { depth: 'rules' as const }) },
  })
  if (rule === null) return replay
  const { id } = REPLAY_ENDPOINT
  await replay.engine.setEndpoint({ ...REPLAY_ENDPOINT, path: 'inline' })
  replay.judge.setEndpoint({
    ...{ id, namespace: 'default', pod: 'capture', ifName: 'capture', mode: 'protect' },
    ...{ failure: 'open', enforced: true, depth: 'rules' },
  })
  return replay
}

async function flowMemory(name: string, kind: Kind): Promise<FlowMemory> {
  const { engine } = await open(kind)
  const feed = async (from: number, to: number): Promise<void> => {
    for (let first = from; first < to; first += FLOWS_PER_CAPTURE) {
      const { frames } = await engine.feed(captureOf(kind, first, first + FLOWS_PER_CAPTURE))
      const each = FRAMES_PER_FLOW + kind.talk.length
      if (frames !== FLOWS_PER_CAPTURE * each) throw new Error(`${frames} frames`)
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
    ...{ kind: name, flows: FLOWS },
    octetsPerFlow: Math.round((after.outsideHeap - before.outsideHeap + heap) / FLOWS),
    heapOctetsPerFlow: Math.round(heap / FLOWS),
  }
}

function inProcessOfItsOwn(name: string): FlowMemory {
  const file = fileURLToPath(import.meta.url)
  return JSON.parse(execFileSync(process.execPath, [file, name], { encoding: 'utf8' }))
}

if (process.argv[1]?.endsWith('bench/flow-memory.js')) {
  const [, , name = ''] = process.argv
  const kind = KINDS[name]
  if (kind === undefined) console.table(Object.keys(KINDS).map(inProcessOfItsOwn))
  else console.log(JSON.stringify(await flowMemory(name, kind)))
}
