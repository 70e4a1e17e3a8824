import t from 'tap'
import { parseAddress } from '../../../src/core/address.js'
import type { EngineEvent } from '../../../src/core/inspect/contract.js'
import { REPLAY_ENDPOINT, ReplayEngine } from '../../../src/dpd/engine/replay.js'

const CLIENT = '10.0.0.1'
const SERVER = '10.0.0.2'

/** Ethernet, IPv4 (RFC 791) and UDP (RFC 768) without UDP checksum. */
function datagram(source: string, destination: string, ports: [number, number], text: string) {
  const payload = Buffer.from(text)
  const frame = Buffer.alloc(42 + payload.length)
  frame.writeUInt16BE(0x0800, 12)
  frame.writeUInt8(0x45, 14)
  frame.writeUInt16BE(28 + payload.length, 16)
  frame.writeUInt8(64, 22)
  frame.writeUInt8(17, 23)
  frame.set(parseAddress(source).octets, 26)
  frame.set(parseAddress(destination).octets, 30)
  let sum = 0
  for (let at = 14; at < 34; at += 2) sum += frame.readUInt16BE(at)
  sum = (sum & 0xffff) + (sum >>> 16)
  frame.writeUInt16BE(~sum & 0xffff, 24)
  frame.writeUInt16BE(ports[0], 34)
  frame.writeUInt16BE(ports[1], 36)
  frame.writeUInt16BE(8 + payload.length, 38)
  frame.set(payload, 42)
  return frame
}

/** pcap-savefile(5), little-endian, microseconds; one frame each 10 ms. */
function capture(frames: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65535, 16)
  header.writeUInt32LE(1, 20)
  const records = frames.flatMap((frame, i) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(1_700_000_000, 0)
    record.writeUInt32LE(i * 10_000, 4)
    record.writeUInt32LE(frame.length, 8)
    record.writeUInt32LE(frame.length, 12)
    return [record, frame]
  })
  return Buffer.concat([header, ...records])
}

const QUERY = datagram(CLIENT, SERVER, [5000, 53], 'query')
const ANSWER = datagram(SERVER, CLIENT, [53, 5000], 'answer')

async function replay(file: Uint8Array, onEvent?: (engine: ReplayEngine, e: EngineEvent) => void) {
  const engine = new ReplayEngine()
  const events: string[] = []
  engine.onEvents((batch) => {
    for (const event of batch) {
      const text = event.ev === 'octets' ? ` ${event.dir} ${Buffer.from(event.octets)}` : ''
      events.push(event.ev === 'closed' ? `closed ${event.how}` : `${event.ev}${text}`)
      onEvent?.(engine, event)
    }
  })
  return { ...(await engine.run(file)), events, flows: engine.flows(), counters: engine.counters() }
}

t.test('a datagram and its answer are one flow, idle at last', async (t) => {
  const events = ['opened', 'octets orig query', 'octets reply answer', 'closed idle']
  const file = capture([QUERY, ANSWER])
  t.match(await replay(file), { frames: 2, cutAtOctet: null, events, flows: 0 })
  t.same(await replay(file), await replay(file), 'the same each time')
})

t.test('what is settled gives no more octets', async (t) => {
  const { events } = await replay(capture([QUERY, ANSWER]), (engine, event) => {
    if (event.ev !== 'octets') return
    engine.send([{ cmd: 'settle', flow: event.flow, generation: 0, verdict: 'allow', rule: 16 }])
  })
  t.same(events, ['opened', 'octets orig query', 'closed idle'])
})

t.test('frames that cannot be read', async (t) => {
  const cut = QUERY.subarray(0, 30)
  t.match(await replay(capture([cut])), { frames: 1, events: [], counters: { malformed: 1 } })
  const file = capture([QUERY, ANSWER])
  t.match(await replay(file.subarray(0, file.length - 1)), { frames: 1, cutAtOctet: Number })
})

t.test('files that are no capture', async (t) => {
  await t.rejects(new ReplayEngine().run(Buffer.from('GET / HTTP/1.1\r\n\r\n')), /pcap|capture/)
  await t.rejects(new ReplayEngine().run(new Uint8Array(0)))
  await t.rejects(new ReplayEngine().setPolicy(new Uint8Array(3)), /policy block/)
})

t.test('a pod whose addresses are known opens what comes from them', async (t) => {
  const sides: string[] = []
  const engine = new ReplayEngine()
  engine.onEvents((events) => {
    for (const event of events) if (event.ev === 'opened') sides.push(event.podSide)
  })
  const own = { mac: new Uint8Array(6), addresses: [parseAddress(CLIENT).octets] }
  await engine.setEndpoint({ ...REPLAY_ENDPOINT, own })
  const asked = datagram(SERVER, CLIENT, [6000, 53], 'other')
  const itself = datagram(CLIENT, CLIENT, [6000, 53], 'itself')
  await engine.run(capture([QUERY, ANSWER, asked, itself]))
  t.same(sides, ['opener', 'receiver', 'receiver'])
})
