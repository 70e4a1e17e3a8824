/** The reply that a denied request gets, octet by octet as the protocol guide has it for that api and version. */
import t from 'tap'
import type { Refusal } from '../../../../src/core/inspect/contract.js'
import { readCaptured } from '../captured.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const int =
  (octets: number) =>
  (value: number): number[] =>
    Array.from({ length: octets }, (_, i) =>
      Number((BigInt(value) >> BigInt(8 * (octets - 1 - i))) & 0xffn),
    )
const i16 = int(2)
const i32 = int(4)
const i64 = int(8)
const str = (text: string): number[] => [...i16(text.length), ...Buffer.from(text)]
/** Compact: flexible versions, short lengths. */
const cstr = (text: string): number[] => [text.length + 1, ...Buffer.from(text)]
const NULL = i16(-1)
const TAGS = 0
const ID = Array.from({ length: 16 }, (_, i) => i + 1)
const NO_ID = new Array(16).fill(0)

const sized = (octets: readonly number[]): number[] => [...i32(octets.length), ...octets]
const request = (key: number, version: number, body: readonly number[], correlationId = 7) =>
  sized([...i16(key), ...i16(version), ...i32(correlationId), ...str('shop'), ...body])
const flexible = (key: number, version: number, body: readonly number[], correlationId = 7) =>
  request(key, version, [TAGS, ...body, TAGS], correlationId)
const reply = (body: readonly number[], correlationId = 7) =>
  sized([...i32(correlationId), ...body])
/** Tagged fields of the header, then of the body. */
const flexibleReply = (body: readonly number[]) => reply([TAGS, ...body, TAGS])

const orig = (octets: readonly number[]): Send => ({
  dir: 'orig',
  octets: Uint8Array.from(octets),
  ended: false,
})
function refusal(...requests: readonly (readonly number[])[]): Refusal | null {
  const { inspection, facts } = deliver([orig(requests.flat())])
  const told = facts.filter(({ fact }) => fact.kind === 'tx').length
  return inspection.refusal(told - 1)
}

/** viewOf's destination. */
const BROKER = { host: '192.0.2.2', port: 4_000, node: 0x3fff_ffff }
const { host, port, node } = BROKER
const INT64_NONE = i64(-1)

const tests: Record<string, { asked: readonly number[]; refused: readonly number[] }> = {
  'Produce 3: error 29 for each partition, the throttle time': {
    asked: request(0, 3, [
      ...[...NULL, ...i16(-1), ...i32(1_000), ...i32(2)],
      ...[...str('orders'), ...i32(2), ...i32(0), ...i32(1), 0x78, ...i32(3), ...i32(1), 0x78],
      ...[...str('carts'), ...i32(1), ...i32(1), ...i32(1), 0x78],
    ]),
    refused: reply([
      ...i32(2),
      ...[...str('orders'), ...i32(2)],
      ...[...i32(0), ...i16(29), ...INT64_NONE, ...INT64_NONE],
      ...[...i32(3), ...i16(29), ...INT64_NONE, ...INT64_NONE],
      ...[...str('carts'), ...i32(1), ...i32(1), ...i16(29), ...INT64_NONE, ...INT64_NONE],
      ...i32(0),
    ]),
  },
  'Produce 9: compact, with no errors of records and no text': {
    asked: flexible(0, 9, [
      ...[0, ...i16(-1), ...i32(1_000), 2],
      ...[...cstr('orders'), 2, ...i32(0), 2, 0x78, TAGS, TAGS],
    ]),
    refused: flexibleReply([
      ...[2, ...cstr('orders'), 2, ...i32(0), ...i16(29)],
      ...[...INT64_NONE, ...INT64_NONE, ...INT64_NONE, 1, 0, TAGS, TAGS],
      ...i32(0),
    ]),
  },
  'Fetch 11: no session, no records': {
    asked: request(1, 11, [
      ...[...i32(-1), ...i32(500), ...i32(1), ...i32(99), 0, ...i32(0), ...i32(-1), ...i32(1)],
      ...[...str('orders'), ...i32(1), ...i32(5), ...i32(-1), ...i64(0), ...i64(-1), ...i32(99)],
      ...[...i32(0), ...str('')],
    ]),
    refused: reply([
      ...[...i32(0), ...i16(0), ...i32(0), ...i32(1), ...str('orders'), ...i32(1)],
      ...[...i32(5), ...i16(29), ...INT64_NONE, ...INT64_NONE, ...INT64_NONE],
      ...[...i32(0), ...i32(-1), ...i32(0)],
    ]),
  },
  'Fetch 13: by the identifier that the request has': {
    asked: flexible(1, 13, [
      ...[...i32(-1), ...i32(500), ...i32(1), ...i32(99), 0, ...i32(0), ...i32(-1), 2, ...ID, 2],
      ...[...i32(0), ...i32(-1), ...i64(0), ...i32(-1), ...i64(-1), ...i32(99), TAGS, TAGS],
      ...[1, 1],
    ]),
    refused: flexibleReply([
      ...[...i32(0), ...i16(0), ...i32(0), 2, ...ID, 2, ...i32(0), ...i16(29)],
      ...[...INT64_NONE, ...INT64_NONE, ...INT64_NONE, 1, ...i32(-1), 1, TAGS, TAGS],
    ]),
  },
  'ListOffsets 1: neither time nor offset': {
    asked: request(2, 1, [
      ...[...i32(-1), ...i32(1), ...str('orders'), ...i32(1), ...i32(2), ...i64(-2)],
    ]),
    refused: reply([
      ...[...i32(1), ...str('orders'), ...i32(1), ...i32(2), ...i16(29)],
      ...[...INT64_NONE, ...INT64_NONE],
    ]),
  },
  'Metadata 1: the broker that was asked, error 29 per topic': {
    asked: request(3, 1, [...i32(2), ...str('orders'), ...str('carts')]),
    refused: reply([
      ...[...i32(1), ...i32(node), ...str(host), ...i32(port), ...NULL, ...i32(-1), ...i32(2)],
      ...[...i16(29), ...str('orders'), 0, ...i32(0)],
      ...[...i16(29), ...str('carts'), 0, ...i32(0)],
    ]),
  },
  'Metadata 1 of all topics: none': {
    asked: request(3, 1, i32(-1)),
    refused: reply([
      ...[...i32(1), ...i32(node), ...str(host), ...i32(port), ...NULL, ...i32(-1), ...i32(0)],
    ]),
  },
  'Metadata 12: compact, names and identifiers as asked': {
    asked: flexible(3, 12, [...[3, ...NO_ID, ...cstr('orders'), TAGS, ...ID, 0, TAGS], ...[0, 0]]),
    refused: flexibleReply([
      ...[...i32(0), 2, ...i32(node), ...cstr(host), ...i32(port), 0, TAGS, 0, ...i32(-1), 3],
      ...[...i16(29), ...cstr('orders'), ...NO_ID, 0, 1, 0x80, 0, 0, 0, TAGS],
      ...[...i16(29), 0, ...ID, 0, 1, 0x80, 0, 0, 0, TAGS],
    ]),
  },
  'OffsetFetch 5: the group has the error': {
    asked: request(9, 5, [...str('g'), ...i32(1), ...str('orders'), ...i32(1), ...i32(0)]),
    refused: reply([...i32(0), ...i32(0), ...i16(30)]),
  },
  'OffsetFetch 8: each group has it': {
    asked: flexible(9, 8, [
      ...[
        3,
        ...cstr('g'),
        2,
        ...cstr('orders'),
        2,
        ...i32(0),
        TAGS,
        TAGS,
        ...cstr('h'),
        0,
        TAGS,
        0,
      ],
    ]),
    refused: flexibleReply([
      ...[...i32(0), 3, ...cstr('g'), 1, ...i16(30), TAGS, ...cstr('h'), 1, ...i16(30), TAGS],
    ]),
  },
  'FindCoordinator 2': {
    asked: request(10, 2, [...str('g'), 0]),
    refused: reply([...i32(0), ...i16(30), ...NULL, ...i32(-1), ...str(''), ...i32(-1)]),
  },
  'FindCoordinator 4 of a transaction: error 53': {
    asked: flexible(10, 4, [1, 2, ...cstr('t')]),
    refused: flexibleReply([
      ...[...i32(0), 2, ...cstr('t'), ...i32(-1), 1, ...i32(-1), ...i16(53), 0, TAGS],
    ]),
  },
  'JoinGroup 9': {
    asked: flexible(11, 9, [
      ...[...cstr('g'), ...i32(1), ...i32(1), 1, 0, ...cstr('consumer'), 1, 0],
    ]),
    refused: flexibleReply([...i32(0), ...i16(30), ...i32(-1), 0, 0, 1, 0, 1, 1]),
  },
  'InitProducerId 1': {
    asked: request(22, 1, [...NULL, ...i32(1_000)]),
    refused: reply([...i32(0), ...i16(31), ...INT64_NONE, ...i16(-1)]),
  },
  'ApiVersions 3: the old header': {
    asked: flexible(18, 3, [...cstr('a'), ...cstr('1')]),
    refused: reply([...i16(31), 1, ...i32(0), TAGS]),
  },
  'CreateTopics 7: no identifier, no configuration': {
    asked: flexible(19, 7, [
      ...[2, ...cstr('new'), ...i32(1), ...i16(1), 1, 1, TAGS, ...i32(1_000), 0],
    ]),
    refused: flexibleReply([
      ...[...i32(0), 2, ...cstr('new'), ...NO_ID, ...i16(29), 0, ...i32(-1), ...i16(-1), 1, TAGS],
    ]),
  },
}

/** A flow is known for Kafka by its first request: ApiVersions, answered. */
for (const [name, { asked, refused }] of Object.entries(tests)) {
  t.test(name, async (t) => {
    const first = orig(request(18, 0, [], 6))
    const answer: Send = { ...orig(reply([0, 0, 0, 0, 0, 0], 6)), dir: 'reply' }
    const { inspection, facts } = deliver([first, answer, orig(asked)])
    t.match(facts.at(-1), { app: 'kafka', fact: { kind: 'tx', tx: 1, dir: 'orig' } })
    const octets = inspection.refusal(1)?.toOpener ?? []
    t.equal(Buffer.from(octets).toString('hex'), Buffer.from(refused).toString('hex'))
  })
}

const produce = (partitions: number, octets: number, acks = 1) =>
  request(0, 3, [
    ...[...NULL, ...i16(acks), ...i32(1_000), ...i32(1), ...str('orders'), ...i32(partitions)],
    ...Array.from({ length: partitions }, (_, i) => [
      ...[...i32(i), ...i32(octets), ...new Array(octets).fill(0x78)],
    ]).flat(),
  ])

t.test('a producer of many octets: the partition is before them', async (t) => {
  t.not(refusal(produce(1, 40_000)), null)
  t.equal(refusal(produce(2, 40_000)), null, 'the second one is not')
  t.not(refusal(produce(20, 100)), null)
})

t.test('none where nothing is awaited, or another reply first', async (t) => {
  t.equal(refusal(produce(1, 10, 0)), null, 'acks 0')
  const metadata = request(3, 1, [...i32(1), ...str('orders')])
  t.equal(refusal(metadata, metadata), null, 'another is open')
  t.not(refusal(produce(1, 10, 0), metadata), null, 'it was silent')
})

t.test('none where what is asked is not named, or the reply is not known', async (t) => {
  const session = [...i32(-1), ...i32(500), ...i32(1), ...i32(99), 0, ...i32(9), ...i32(4)]
  t.equal(refusal(request(1, 11, [...session, ...i32(0), ...i32(0), ...str('')])), null)
  t.equal(refusal(flexible(0, 40, [])), null, 'a version to come')
  t.equal(refusal(request(15, 0, [...i32(1), ...str('g')])), null, 'DescribeGroups')
  t.equal(refusal(request(9, 1, [...str('g'), ...i32(0)])), null, 'no place for it')
  const badName = [...i32(1), ...i16(2), 0xc3, 0x28]
  t.equal(refusal(request(3, 1, badName)), null, 'no UTF-8')
})

t.test('none above 16 KiB', async (t) => {
  const names = (count: number) => [
    ...i32(count),
    ...Array.from({ length: count }, () => str('a longer topic')).flat(),
  ]
  t.not(refusal(request(3, 1, names(600))), null)
  t.equal(refusal(request(3, 1, names(1_020))), null)
})

t.test('requests of recorded clients: one each, whole', async (t) => {
  let refused = 0
  for (const file of ['kcat-produce', 'kcat-consume', 'kcat-group', 'kafkajs', 'kafka-python']) {
    for (const { sends } of readCaptured(`kafka/${file}`)) {
      sends.forEach((_, index) => {
        const { inspection, facts } = deliver(sends.slice(0, index + 1))
        const last = facts.at(-1)?.fact
        if (last?.kind !== 'tx' || last.dir !== 'orig') return
        const octets = Buffer.from(inspection.refusal(last.tx)?.toOpener ?? [])
        if (octets.length === 0) return
        t.equal(octets.readUInt32BE(0), octets.length - 4)
        refused++
      })
    }
  }
  t.ok(refused > 50, `${refused}`)
})
