import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const u16 = (value: number): number[] => [value >> 8, value & 0xff]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)]
const name = (value: string): number[] => [value.length, ...fromLatin1(value)]

const frame = (type: number, channel: number, payload: readonly number[]): number[] => [
  ...[type, ...u16(channel), ...u32(payload.length)],
  ...payload,
  0xce,
]
const method = (
  channel: number,
  classId: number,
  methodId: number,
  ...parts: readonly number[][]
): number[] => frame(1, channel, [...u16(classId), ...u16(methodId), ...parts.flat()])

const send = (dir: Send['dir'], octets: readonly number[]): Send => ({
  dir,
  octets: Uint8Array.from(octets),
  ended: false,
})
const orig = (...frames: number[][]): Send => send('orig', frames.flat())
const reply = (...frames: number[][]): Send => send('reply', frames.flat())
const HEADER = [...fromLatin1('AMQP\0\0\x09\x01')]
const OPEN = method(0, 10, 40, name('/'), [0, 0])
const OPEN_OK = method(0, 10, 41, [0])
const declare = (channel: number, queue: string): number[] =>
  method(channel, 50, 10, [0, 0], name(queue), [0, 0, 0, 0, 0])
const get = (channel: number, queue: string): number[] =>
  method(channel, 60, 70, [0, 0], name(queue), [0])
const publish = (exchange: string, key: string): number[] =>
  method(1, 60, 40, [0, 0], name(exchange), name(key), [0])
const ends = (...sends: Send[]) =>
  deliver(sends).facts.flatMap(({ fact }) => (fact.kind === 'txEnd' ? [fact.tx] : []))

t.test('content is skipped up to its frame-end', async (t) => {
  const head = [3, ...u16(1), ...u32(100_000)]
  const { inspection } = deliver([orig(HEADER, OPEN, publish('x', 'y'), head)])
  const before = [HEADER, OPEN, publish('x', 'y'), head].flat().length
  t.equal(inspection.covered('orig'), before + 100_000)
})

t.test('arguments beyond the names are skipped', async (t) => {
  const table = Array.from({ length: 9_000 }, () => 0x61)
  const long = method(1, 50, 20, [0, 0], name('q'), name('x'), name('k'), [0], table)
  const { facts, state } = deliver([orig(HEADER, OPEN, long, get(1, 'q'))])
  t.equal(state, 'parsing')
  t.match(facts.at(-1)?.fact, { fields: { method: 'basic.get', queue: 'q' } })
})

t.test('of more than 128 methods without an answer the oldest ends', async (t) => {
  const gets = Array.from({ length: 128 }, () => get(1, 'q'))
  t.same(ends(orig(HEADER, OPEN, ...gets)), [0])
})

t.test('the current queues of 256 channels', async (t) => {
  const declared = Array.from({ length: 257 }, (_, i) => declare(i + 1, `q${i + 1}`))
  const { facts } = deliver([orig(HEADER, OPEN, ...declared, get(256, ''), get(257, ''))])
  const gets = facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.fields.method === 'basic.get' ? [fact.fields] : [],
  )
  t.same(gets, [
    { method: 'basic.get', queue: 'q256', vhost: '/' },
    { method: 'basic.get', vhost: '/', ambiguous: ['queue'] },
  ])
})

t.test('tune-ok: 0 is no limit', async (t) => {
  const tune = method(0, 10, 31, [0, 0, 0, 0, 0, 0, 0, 0])
  const huge = [3, ...u16(9_999), ...u32(500_000_000)]
  t.equal(deliver([orig(HEADER, tune, OPEN, huge)]).state, 'parsing')
})

const refused = (tx: number, ...sends: Send[]) => {
  const refusal = deliver(sends).inspection.refusal(tx)
  return refusal === null ? null : latin1(refusal.toOpener)
}
const closed = (classId: number, methodId: number) =>
  latin1(
    Uint8Array.from(
      method(
        ...([0, 10, 50, u16(403), name('ACCESS_REFUSED - denied by network policy')] as const),
        [...u16(classId), ...u16(methodId)],
      ),
    ),
  )

t.test('refusal: connection.close with the method refused', async (t) => {
  const open = [orig(HEADER, OPEN), reply(OPEN_OK)]
  t.equal(refused(0, orig(HEADER, OPEN)), closed(10, 40))
  t.equal(refused(1, ...open, orig(get(1, 'q'))), closed(60, 70))
  t.equal(refused(1, ...open, orig(publish('x', 'y'))), closed(60, 40))
  t.equal(refused(1, ...open, orig(publish('x', 'y'), publish('x', 'z'))), closed(0, 0))
  t.equal(deliver([...open, orig(get(1, 'q'))]).inspection.refusal(1)?.then, 'close')
})

t.test('no refusal in the middle of a frame of the server', async (t) => {
  const begun = [3, ...u16(1), ...u32(4), 1, 2]
  for (const part of [begun, [...begun, 3, 4], begun.slice(0, 5)]) {
    t.equal(refused(1, orig(HEADER, OPEN), reply(OPEN_OK, part), orig(get(1, 'q'))), null)
  }
  t.equal(refused(9, orig(HEADER, OPEN)), null)
})

t.test('after a gap there is no next frame', async (t) => {
  const { inspection } = deliver([orig(HEADER)])
  t.equal(inspection.gap('orig', 8, 10).state, 'done')
})
