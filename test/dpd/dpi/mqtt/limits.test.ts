import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const u16 = (value: number): number[] => [value >> 8, value & 0xff]
const text = (value: string): number[] => [...u16(value.length), ...fromLatin1(value)]

function packet(first: number, body: readonly number[], octets = body.length): number[] {
  const length: number[] = []
  let rest = octets
  do {
    length.push((rest % 128) + (rest >= 128 ? 128 : 0))
    rest = Math.floor(rest / 128)
  } while (rest > 0)
  return [first, ...length, ...body]
}
const connect = (level: number): number[] => {
  const properties = level === 5 ? [0] : []
  return packet(0x10, [...text('MQTT'), level, 2, 0, 60, ...properties, ...text('abc')])
}
const CONNACK_5 = [0x20, 3, 0, 0, 0]
const orig = (...octets: number[]): Send => ({
  dir: 'orig',
  octets: Uint8Array.from(octets),
  ended: false,
})
const reply = (...octets: number[]): Send => ({ ...orig(...octets), dir: 'reply' })
const publish5 = (topic: string, alias: number): number[] =>
  packet(0x30, [...text(topic), ...(alias === 0 ? [0] : [3, 0x23, ...u16(alias)])])
const fieldsOf = (...sends: Send[]) =>
  deliver(sends).facts.flatMap(({ fact }) => (fact.kind === 'tx' ? [fact.fields] : []))

t.test('a payload is skipped, up to the largest', async (t) => {
  const head = packet(0x30, text('a'), 268_435_455)
  const { inspection } = deliver([orig(...connect(4), ...head)])
  t.equal(inspection.covered('orig'), connect(4).length + 5 + 268_435_455)
})

t.test('what is not reached within 8192 octets is ambiguous', async (t) => {
  const long = 'x'.repeat(9_000)
  const published = fieldsOf(orig(...connect(4), ...packet(0x30, text(long))))[1]
  t.same(published, { packet: 'PUBLISH', clientId: 'abc', ambiguous: ['topics'] })
  const filters = Array.from({ length: 200 }, () => [...text('y'.repeat(50)), 0]).flat()
  const subscribed = fieldsOf(orig(...connect(4), ...packet(0x82, [0, 1, ...filters])))[1]
  t.match(subscribed, { ambiguous: ['topics'], topics: { length: 154 } })
  const variable = [...text('MQTT'), 4, 6, 0, 60]
  const will = [...variable, ...text(long), ...text('t'), ...text('')]
  t.same(fieldsOf(orig(...packet(0x10, will), ...packet(0x30, text('a')))), [
    { packet: 'CONNECT', ambiguous: ['topics', 'clientId'] },
    { packet: 'PUBLISH', topics: ['a'], ambiguous: ['clientId'] },
  ])
})

t.test('an alias set behind properties that are not read: all are unknown', async (t) => {
  const many = Array.from({ length: 900 }, () => [0x26, ...text('key'), ...text('val')]).flat()
  const length = many.length + 3
  const properties = [(length % 128) + 128, length >> 7, ...many, 0x23, 0, 2]
  const seen = fieldsOf(
    orig(...connect(5), ...publish5('a', 1)),
    orig(...packet(0x30, [...text('b'), ...properties])),
    orig(...publish5('', 1), ...publish5('a', 1), ...publish5('', 1)),
  )
  const told = seen.slice(1).map(({ topics }) => topics)
  t.same(told, [['a'], ['b'], undefined, ['a'], ['a']])
})

t.test('256 aliases, 16384 characters', async (t) => {
  const all = Array.from({ length: 257 }, (_, i) => publish5(`t${i + 1}`, i + 1)).flat()
  const seen = fieldsOf(orig(...connect(5), ...all, ...publish5('', 256), ...publish5('', 257)))
  t.same(seen.at(-2), { packet: 'PUBLISH', topics: ['t256'], clientId: 'abc' })
  t.same(seen.at(-1), { packet: 'PUBLISH', clientId: 'abc', ambiguous: ['topics'] })
  const long = [1, 2, 3].flatMap((alias) => publish5('z'.repeat(6_000), alias))
  const last = fieldsOf(orig(...connect(5), ...long, ...publish5('', 2), ...publish5('', 3)))
  t.match(last.slice(-2), [{ topics: { length: 1 } }, { ambiguous: ['topics'] }])
  const again = fieldsOf(orig(...connect(5), ...long, ...publish5('a', 2), ...publish5('', 2)))
  t.same(again.at(-1)?.topics, ['a'], 'an alias is set anew')
})

t.test('of more than 128 requests without an answer the oldest ends', async (t) => {
  const publishes = Array.from({ length: 129 }, (_, i) => [0x32, 5, ...text('a'), ...u16(i + 1)])
  const { facts } = deliver([orig(...connect(4)), reply(0x20, 2, 0, 0), orig(...publishes.flat())])
  t.same(
    facts.flatMap(({ fact }) => (fact.kind === 'txEnd' ? [fact.tx] : [])),
    [0, 1],
  )
})

t.test('a PUBLISH sent again: the answer is to the last', async (t) => {
  const publish = [0x32, 5, ...text('a'), 0, 1]
  const sends = [orig(...connect(4), ...publish), orig(0x3a, ...publish.slice(1))]
  const { facts } = deliver([...sends, reply(0x20, 2, 0, 0, 0x40, 2, 0, 1)])
  const ends = facts.flatMap(({ fact }) => (fact.kind === 'txEnd' ? [fact.tx] : []))
  t.same(ends, [1, 0, 2])
})

const refusalOf = (tx: number, ...sends: Send[]) => {
  const refusal = deliver(sends).inspection.refusal(tx)
  return refusal === null ? null : [...refusal.toOpener]
}
const DISCONNECT = [0xe0, 1, 0x87]

t.test('refusal of MQTT 5: Not authorized', async (t) => {
  t.same(refusalOf(0, orig(...connect(5))), [0x20, 3, 0, 0x87, 0])
  const open = [orig(...connect(5)), reply(...CONNACK_5)]
  const after = (...request: number[]) => refusalOf(1, ...open, orig(...request))
  t.same(after(0x30, 4, ...text('a'), 0), DISCONNECT)
  t.same(after(0x32, 6, ...text('a'), 0, 9, 0), [0x40, 3, 0, 9, 0x87, ...DISCONNECT])
  t.same(after(0x34, 6, ...text('a'), 0, 9, 0), [0x50, 3, 0, 9, 0x87, ...DISCONNECT])
  const two = [0x82, 11, 0, 9, 0, ...text('a'), 0, ...text('b'), 0]
  t.same(after(...two), [0x90, 5, 0, 9, 0, 0x87, 0x87, ...DISCONNECT])
  t.same(after(0xa2, 6, 0, 9, 0, ...text('a')), [0xb0, 4, 0, 9, 0, 0x87, ...DISCONNECT])
})

t.test('refusal of MQTT 3: as far as it has one', async (t) => {
  t.same(refusalOf(0, orig(...connect(4))), [0x20, 2, 0, 5])
  const open = [orig(...connect(4)), reply(0x20, 2, 0, 0)]
  t.same(refusalOf(1, ...open, orig(0x82, 6, 0, 9, ...text('a'), 0)), [0x90, 3, 0, 9, 0x80])
  t.equal(refusalOf(1, ...open, orig(0x32, 5, ...text('a'), 0, 9)), null)
  t.equal(refusalOf(1, ...open, orig(0x30, 3, ...text('a'))), null)
  t.equal(refusalOf(1, ...open, orig(0xa2, 5, 0, 9, ...text('a'))), null)
})

t.test('no refusal before CONNACK, or of more topics', async (t) => {
  t.equal(refusalOf(1, orig(...connect(5), 0x30, 4, ...text('a'), 0)), null)
  const open = [orig(...connect(5)), reply(...CONNACK_5)]
  t.equal(refusalOf(7, ...open), null)
  const topics = Array.from({ length: 101 }, () => [...text('a'), 0]).flat()
  t.equal(refusalOf(1, ...open, orig(...packet(0x82, [0, 9, 0, ...topics]))), null)
})

t.test('after a gap there is no next packet', async (t) => {
  const { inspection } = deliver([orig(...connect(4))])
  t.equal(inspection.gap('orig', connect(4).length, 10).state, 'done')
})
