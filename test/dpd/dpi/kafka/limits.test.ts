import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const i16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const i32 = (value: number): number[] => [...i16(value >>> 16), ...i16(value & 0xffff)]
const text = (value: string): number[] => [...i16(value.length), ...fromLatin1(value)]
const list = (items: readonly (readonly number[])[]): number[] => [
  ...i32(items.length),
  ...items.flat(),
]

function request(key: number, version: number, id: number, body: number[], octets = body.length) {
  const header = [...i16(key), ...i16(version), ...i32(id), ...text('shop')]
  return [...i32(header.length + octets), ...header, ...body]
}
function send(dir: Send['dir'], messages: readonly number[][]): Send {
  return { dir, octets: Uint8Array.from(messages.flat()), ended: false }
}
const orig = (...messages: number[][]): Send => send('orig', messages)
const reply = (...messages: number[][]): Send => send('reply', messages)
const fieldsOf = (...sends: Send[]) =>
  deliver(sends).facts.flatMap(({ fact }) => (fact.kind === 'tx' ? [fact.fields] : []))
const API_VERSIONS = request(18, 0, 1, [])
const metadata = (id: number, ...topics: string[]): number[] =>
  request(3, 1, id, list(topics.map(text)))
const partition = (records: number): number[] => [...i32(0), ...i32(records)]
const produced = (topics: number): number[] => [
  ...[...i16(-1), ...i16(1), ...i32(1)],
  ...[...i32(topics), ...text('orders'), ...i32(1)],
]

t.test('records are skipped: after the last topic nothing is awaited', async (t) => {
  const body = [...produced(1), ...partition(1_000_000)]
  const head = request(0, 7, 2, body, body.length + 1_000_000)
  const { inspection, facts } = deliver([orig(API_VERSIONS, head)])
  t.match(facts.at(-1)?.fact, { fields: { topics: ['orders'] } })
  t.equal(inspection.covered('orig'), API_VERSIONS.length + head.length + 1_000_000)
})

t.test('topics beyond 12288 octets are ambiguous', async (t) => {
  const records = Array.from({ length: 20_000 }, () => 0)
  const second = [...text('carts'), ...i32(0)]
  const body = [...produced(2), ...partition(records.length), ...records, ...second]
  const fields = fieldsOf(orig(API_VERSIONS, request(0, 7, 2, body), metadata(3, 'a'))).slice(1)
  t.match(fields, [{ topics: ['orders'], ambiguous: ['topics'] }, { topics: ['a'] }])
})

t.test('1024 topics', async (t) => {
  const names = Array.from({ length: 1_025 }, (_, i) => `t${i}`)
  const [, all, more] = fieldsOf(
    orig(API_VERSIONS, metadata(2, ...names.slice(1)), metadata(3, ...names)),
  )
  t.equal(all?.ambiguous, undefined)
  t.match(more, { ambiguous: ['topics'], topics: { length: 1_024 } })
})

t.test('a fetch session of more than 256 topics is not known', async (t) => {
  const fetch = (id: number, session: number, epoch: number, names: readonly string[]) =>
    request(1, 7, id, [
      ...[...i32(-1), ...i32(1), ...i32(1), ...i32(1), 0, ...i32(session), ...i32(epoch)],
      ...list(names.map((name) => [...text(name), ...i32(0)])),
      ...i32(0),
    ])
  const names = Array.from({ length: 257 }, (_, i) => `t${i}`)
  const after = (first: readonly string[], second: readonly string[]) =>
    fieldsOf(orig(API_VERSIONS, fetch(2, 0, 0, first), fetch(3, 5, 1, second), fetch(4, 5, 2, [])))
  t.match(after(names.slice(1), []).at(-1), { topics: { length: 256 } })
  t.same(after(names, []).at(-1)?.ambiguous, ['topics'])
  t.same(after(names.slice(1), ['t0']).at(-1)?.ambiguous, ['topics'])
})

t.test('names of 256 topic identifiers', async (t) => {
  const uuid = (n: number): number[] => [...i32(1), ...i32(2), ...i32(3), ...i32(n)]
  const compact = (value: string): number[] => [value.length + 1, ...fromLatin1(value)]
  const topic = (n: number): number[] => [
    ...[0, 0, ...compact(`t${n}`), ...uuid(n), 0, 1, ...i32(0), 0],
  ]
  const known = (id: number, from: number, to: number): number[] => {
    const topics = Array.from({ length: to - from }, (_, i) => topic(from + i))
    const count = topics.length + 1
    const body = [
      ...i32(0),
      1,
      0,
      ...i32(1),
      0x80 | (count & 0x7f),
      count >> 7,
      ...topics.flat(),
      0,
    ]
    return [...i32(body.length + 5), ...i32(id), 0, ...body]
  }
  const all = (id: number) => request(3, 12, id, [0, 0, 1, 0, 0])
  const of = (id: number, n: number) => request(3, 12, id, [0, 2, ...uuid(n), 0, 0, 1, 0, 0])
  const fields = fieldsOf(
    orig(API_VERSIONS, all(2), all(3)),
    reply(known(2, 0, 200), known(3, 200, 300)),
    orig(of(4, 255), of(5, 256)),
  )
  t.match(fields.slice(-2), [{ topics: ['t255'] }, { ambiguous: ['topics'] }])
})

t.test('of more than 128 requests without a reply the oldest ends', async (t) => {
  const { facts } = deliver([orig(...Array.from({ length: 129 }, (_, i) => request(18, 0, i, [])))])
  t.same(
    facts.flatMap(({ fact }) => (fact.kind === 'txEnd' ? [fact.tx] : [])),
    [0],
  )
})

t.test('a long reply is read for its head and skipped', async (t) => {
  const octets = Array.from({ length: 12_284 }, () => 0)
  const long = [...i32(5_000_000), ...i32(1), ...octets]
  const { inspection, facts } = deliver([orig(API_VERSIONS), reply(long)])
  t.match(facts.at(-1)?.fact, { kind: 'txEnd', end: 5_000_004 })
  t.equal(inspection.covered('reply'), 5_000_004)
})

t.test('a reply to nobody is passed', async (t) => {
  const { state } = deliver([orig(API_VERSIONS), reply([...i32(4), ...i32(99)])])
  t.equal(state, 'parsing')
})

t.test('after a gap there is no next message', async (t) => {
  const { inspection } = deliver([orig(API_VERSIONS)])
  t.equal(inspection.gap('orig', API_VERSIONS.length, 10).state, 'done')
})
