import t from 'tap'
import type { EngineCommand } from '../../../src/core/inspect/contract.js'
import { Bench, brief, ingressPolicy } from './bench.js'

const ORDERS = ingressPolicy(
  '- { name: orders, kafka: [{ apis: [Produce, Metadata], topics: [orders] }, { apis: [ApiVersions] }] }',
)

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
const text = (value: string): number[] => [...u16(value.length), ...Buffer.from(value)]
const request = (key: number, version: number, id: number, body: readonly number[]): Uint8Array => {
  const message = [...u16(key), ...u16(version), ...u32(id), ...text('shop'), ...body]
  return Uint8Array.from([...u32(message.length), ...message])
}
const metadata = (id: number, topic: string): Uint8Array =>
  request(3, 1, id, [...u32(1), ...text(topic)])
const produce = (id: number, topic: string, acks = 1): Uint8Array =>
  request(0, 2, id, [
    ...[...u16(acks), ...u32(1_000), ...u32(1), ...text(topic), ...u32(1), ...u32(4)],
    ...[...u32(3), 0x61, 0x62, 0x63],
  ])
const answer = (id: number): Uint8Array => Uint8Array.from([...u32(8), ...u32(id), ...u32(0)])

const refusalOf = (commands: readonly EngineCommand[]): Uint8Array => {
  const deny = commands.find((command) => command.cmd === 'deny')
  return deny?.cmd === 'deny' && typeof deny.answer === 'object'
    ? deny.answer.refusal
    : new Uint8Array(0)
}

t.test('a denied produce: error 29 for its partition, and the end', async (t) => {
  const bench = new Bench(ORDERS)
  const flow = bench.open({ destinationPort: 9092 })
  const ask = metadata(1, 'orders')
  t.same(brief(bench.octets(flow, 'orig', 0, ask)), [
    { cmd: 'release', dir: 'orig', upTo: ask.length },
  ])
  bench.octets(flow, 'reply', 0, answer(1))
  const commands = bench.octets(flow, 'orig', ask.length, produce(2, 'payments'))
  t.match(brief(commands), [{ cmd: 'deny', dir: 'orig', from: ask.length, next: 'close' }])
  const body = [...u32(1), ...text('payments'), ...u32(1), ...u32(4), ...u16(29)]
  const nothing = new Array(16).fill(0xff)
  const message = [...u32(2), ...body, ...nothing, ...u32(0)]
  t.same([...refusalOf(commands)], [...u32(message.length), ...message])
  t.match(bench.told.denied, [{ fields: { api: 'Produce', topics: ['payments'] } }])
})

t.test('denied metadata names the broker as the opener knows it', async (t) => {
  const bench = new Bench(ORDERS)
  const flow = bench.open({ destination: 'fd00::7', destinationPort: 9092 })
  const refusal = refusalOf(bench.octets(flow, 'orig', 0, metadata(1, 'payments')))
  const broker = [...text('fd00::7'), ...u32(9092)]
  t.ok(Buffer.from(refusal).includes(Buffer.from(broker)))
  t.ok(Buffer.from(refusal).includes(Buffer.from([...u16(29), ...text('payments')])))
})

t.test('a reset where a reply is due first, or none ever', async (t) => {
  const behind = new Bench(ORDERS)
  const flow = behind.open({ destinationPort: 9092 })
  const ask = metadata(1, 'orders')
  behind.octets(flow, 'orig', 0, ask)
  t.match(brief(behind.octets(flow, 'orig', ask.length, produce(2, 'payments'))), [
    { cmd: 'deny', from: ask.length, answer: 'reset' },
  ])
  const silent = new Bench(ORDERS)
  const other = silent.open({ destinationPort: 9092 })
  const commands = silent.octets(other, 'orig', 0, produce(1, 'payments', 0))
  t.match(brief(commands.slice(-1)), [{ cmd: 'deny', answer: 'reset' }])
})

t.test('a reply whose rest is to come: a reset', async (t) => {
  const bench = new Bench(ORDERS)
  const flow = bench.open({ destinationPort: 9092 })
  const ask = metadata(1, 'orders')
  bench.octets(flow, 'orig', 0, ask)
  const half = Uint8Array.from([...u32(20_000), ...u32(1), ...new Array(13_000).fill(0)])
  bench.octets(flow, 'reply', 0, half)
  t.match(brief(bench.octets(flow, 'orig', ask.length, produce(2, 'payments')).slice(-1)), [
    { cmd: 'deny', answer: 'reset' },
  ])
})
