import t from 'tap'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'
import { bson, cstring, le32, message, opMsg } from './message.js'

const orig = (octets: Uint8Array): Send => ({ dir: 'orig', octets, ended: false })
const reply = (octets: Uint8Array): Send => ({ dir: 'reply', octets, ended: false })
const told = (...sends: Send[]) => {
  const { facts, state, clause } = deliver(sends)
  return {
    fields: facts.map(({ fact }) => (fact.kind === 'tx' ? fact.fields : fact.kind)),
    state,
    clause,
  }
}
const hello = orig(opMsg({ hello: 1, $db: 'admin' }))
const HELLO = { command: 'hello', database: 'admin' }
/** Fields of a request that follows a greeting, so that it need not be identified. */
const after = (octets: Uint8Array) => told(hello, orig(octets)).fields[1]
const clauseAfter = (octets: Uint8Array) => told(hello, orig(octets)).clause

t.test('OP_MSG is recognised first (NeuVector fault 24)', async (t) => {
  t.match(told(hello).fields, [HELLO])
})

t.test('a section of documents before the body', async (t) => {
  const sequence = [...cstring('documents'), ...bson({ _id: 1 }), ...bson({ _id: 2 })]
  const kind1 = [1, ...le32(4 + sequence.length), ...sequence]
  const body = [...le32(0), ...kind1, 0, ...bson({ insert: 'items', $db: 'shop' })]
  t.same(after(message(2013, body)), { command: 'insert', collection: 'items', database: 'shop' })
})

t.test('a checksum ends the message', async (t) => {
  const body = [...le32(1), 0, ...bson({ ping: 1, $db: 'a' }), ...le32(0)]
  t.same(after(message(2013, body)), { command: 'ping', database: 'a' })
})

t.test('commands that reach other collections', async (t) => {
  const ambiguous = { ambiguous: ['collection', 'database'] }
  t.match(after(opMsg({ renameCollection: 'a.b', to: 'c.d', $db: 'admin' })), ambiguous)
  t.match(after(opMsg({ bulkWrite: 1, ops: [], $db: 'admin' })), ambiguous)
  const $merge = opMsg({ aggregate: 'a', pipeline: [{ $match: {} }, { $merge: 'b' }], $db: 'd' })
  t.match(after($merge), { collection: 'a', ambiguous: ['collection'] })
  const explained = opMsg({ explain: { aggregate: 'a', pipeline: [{ $out: 'b' }] }, $db: 'd' })
  t.match(after(explained), { command: 'explain', collection: 'a', ambiguous: ['collection'] })
  t.notHas(after(opMsg({ createUser: 'alice', $db: 'd' })), { collection: 'alice' })
})

t.test('of two $db the first counts, as for the server', async (t) => {
  const twice = [...bson({ find: 'a', $db: 'x' })].slice(4, -1)
  const more = [...bson({ $db: 'y' })].slice(4)
  const body = [...le32(0), 0, ...le32(twice.length + more.length + 4), ...twice, ...more]
  t.match(after(message(2013, body)), { database: 'x' })
})

t.test('$db beyond what is read of a request', async (t) => {
  const seen = after(opMsg({ find: 'a', filter: { a: 'x'.repeat(20_000) }, $db: 'd' }))
  t.same(seen, { command: 'find', collection: 'a', ambiguous: ['database'] })
  const long = after(
    opMsg({
      aggregate: 'a',
      $db: 'd',
      pipeline: [{ $match: { a: 'x'.repeat(20_000) } }, { $out: 'b' }],
    }),
  )
  t.match(long, { database: 'd', ambiguous: ['collection'] })
})

t.test('more elements than any command has', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 1_030 }, (_, i) => [`e${i}`, 1]))
  t.match(after(opMsg({ find: 'a', ...many, $db: 'd' })), { ambiguous: ['database'] })
})

t.test('what can not be read is malformed', async (t) => {
  t.match(clauseAfter(message(2013, [...le32(4), 0, ...bson({ a: 1 })])), 'OP_MSG flag bits')
  t.match(clauseAfter(message(2013, [...le32(0), 3, ...bson({ a: 1 })])), 'OP_MSG section kind')
  t.match(clauseAfter(message(2013, [...le32(0), 1, ...le32(999), 0])), 'OP_MSG section size')
  const empty = [...le32(0), 1, ...le32(6), 97, 0]
  t.match(clauseAfter(message(2013, empty)), 'OP_MSG without a body')
  const section = [1, ...le32(6), 97, 0]
  const sections = Array.from({ length: 17 }, () => section).flat()
  t.match(clauseAfter(message(2013, [...le32(0), ...sections])), 'OP_MSG sections before the body')
  t.match(clauseAfter(message(2013, [...le32(0), 0, ...le32(99), 0])), 'BSON document length')
  t.match(clauseAfter(message(2013, [...le32(0), 0, ...le32(4)])), 'BSON document')
  t.match(clauseAfter(message(2013, [...le32(0), 0, ...bson({})])), 'MongoDB command name')
  const type = [...le32(12), 0x20, ...cstring('a'), 0, 0, 0, 0, 0]
  t.match(clauseAfter(message(2013, [...le32(0), 0, ...type])), 'BSON document')
  t.match(clauseAfter(message(2004, [...le32(0), 97])), 'MongoDB full collection name')
  t.match(clauseAfter(message(2010, [97])), 'OP_COMMAND names')
  t.match(clauseAfter(message(2013, [0, 0])), 'OP_MSG flag bits')
  t.match(clauseAfter(message(1, [0, 0])), 'opCode of a request')
  t.match(clauseAfter(message(2012, le32(2012))), 'OP_COMPRESSED in itself')
  t.match(clauseAfter(Uint8Array.from([...le32(15), ...le32(1)])), '')
  t.match(clauseAfter(Uint8Array.from([15, 0, 0, 0].concat(Array(12).fill(0)))), 'messageLength')
  t.match(
    clauseAfter(Uint8Array.from([...le32(48_000_001), ...Array(12).fill(0)])),
    'messageLength',
  )
  t.match(told(hello, reply(message(2004, [0]))).clause, 'opCode of a reply')
})

t.test('legacy op codes are told as the commands that replaced them', async (t) => {
  const namespaced = (opCode: number) =>
    after(message(opCode, [...le32(0), ...cstring('shop.a.b')]))
  for (const [opCode, command] of [
    [2001, 'update'],
    [2002, 'insert'],
    [2006, 'delete'],
    [2005, 'getMore'],
  ] as const) {
    t.match(namespaced(opCode), { command, database: 'shop', collection: 'a.b' })
  }
  t.match(after(message(2007, le32(0))), {
    command: 'killCursors',
    ambiguous: ['collection', 'database'],
  })
  const opCommand = [...cstring('shop'), ...cstring('find'), ...bson({}), ...bson({ find: 'a' })]
  t.same(after(message(2010, opCommand)), {
    command: 'find',
    database: 'shop',
    ambiguous: ['collection'],
  })
  const wrapped = [...le32(0), ...cstring('shop.$cmd'), ...le32(0), ...le32(1)]
  const query = message(2004, [
    ...wrapped,
    ...bson({ $query: { count: 'a' }, $readPreference: {} }),
  ])
  t.same(after(query), { command: 'count', collection: 'a', database: 'shop' })
})

t.test('an exhaust cursor: one request, several replies', async (t) => {
  const more = (id: number, responseTo: number, flags: number) =>
    reply(opMsg({ ok: 1 }, { flags, id, responseTo }))
  const { fields } = told(hello, more(50, 1, 2), more(51, 50, 2), more(52, 51, 0))
  t.same(fields, [HELLO, { status: 'ok' }, 'txEnd'])
})

t.test('replies by what they respond to, errors by their code', async (t) => {
  const requests = orig(
    Uint8Array.from([
      ...opMsg({ find: 'a', $db: 'd' }, { id: 7 }),
      ...opMsg({ ping: 1, $db: 'd' }, { id: 8 }),
    ]),
  )
  const { facts } = deliver([
    requests,
    reply(opMsg({ ok: 1 }, { responseTo: 8 })),
    reply(opMsg({ ok: 0, code: 13 }, { responseTo: 7 })),
    reply(opMsg({ ok: 1 }, { responseTo: 99 })),
  ])
  const replies = facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.dir === 'reply' ? [fact] : [],
  )
  t.match(replies, [
    { tx: 1, fields: { status: 'ok' } },
    { tx: 0, fields: { status: 'error', code: '13' } },
  ])
})

t.test('a failed query of OP_QUERY', async (t) => {
  const query = orig(
    message(2004, [...le32(0), ...cstring('shop.a'), ...le32(0), ...le32(1), ...bson({})]),
  )
  const failure = [
    ...le32(2),
    ...le32(0),
    ...le32(0),
    ...le32(0),
    ...le32(1),
    ...bson({ $err: 'no', code: 13 }),
  ]
  t.match(told(query, reply(message(1, failure, 2, 1))).fields[1], { status: 'error', code: '13' })
})

t.test('documents of a message are skipped', async (t) => {
  const head = message(2013, [...le32(0), 0, ...bson({ insert: 'a', $db: 'd' })])
  const long = Uint8Array.from([...le32(40_000_000), ...head.subarray(4)])
  const { inspection, facts } = deliver([hello, orig(long)])
  t.equal(facts.length, 2)
  t.equal(inspection.covered('orig'), hello.octets.length + 40_000_000)
})

t.test('of more than 128 requests without a reply the oldest end', async (t) => {
  const { facts } = deliver(Array.from({ length: 130 }, () => hello))
  t.equal(facts.filter(({ fact }) => fact.kind === 'txEnd').length, 2)
})

t.test('refusal: Unauthorized, as an answer to this request', async (t) => {
  const { inspection } = deliver([orig(opMsg({ drop: 'a', $db: 'd' }, { id: 77 }))])
  const refusal = inspection.refusal(0)
  t.equal(refusal?.then, 'close')
  const client = deliver([
    orig(opMsg({ drop: 'a', $db: 'd' }, { id: 77 })),
    reply(refusal?.toOpener ?? new Uint8Array(0)),
  ])
  t.match(client.facts.at(-2)?.fact, { fields: { status: 'error', code: 'Unauthorized' } })
  t.equal(inspection.refusal(1), null)
})

t.test('refusal: in the form that OP_QUERY reads; none where no reply is awaited', async (t) => {
  const query = (namespace: string) =>
    orig(
      message(2004, [...le32(0), ...cstring(namespace), ...le32(0), ...le32(1), ...bson({ a: 1 })]),
    )
  for (const namespace of ['shop.$cmd', 'shop.a']) {
    const toOpener = deliver([query(namespace)]).inspection.refusal(0)?.toOpener
    const client = deliver([query(namespace), reply(toOpener ?? new Uint8Array(0))])
    t.match(client.facts.at(-2)?.fact, { dir: 'reply', fields: { status: 'error' } }, namespace)
  }
  t.equal(
    deliver([orig(opMsg({ insert: 'a', $db: 'd' }, { flags: 2 }))]).inspection.refusal(0),
    null,
  )
  t.equal(deliver([hello, hello]).inspection.refusal(1), null, 'the first awaits its own')
})

t.test('after a gap there is no next header', async (t) => {
  const { inspection } = deliver([hello])
  t.equal(inspection.gap('orig', hello.octets.length, 10).state, 'done')
})

t.test('not MongoDB', async (t) => {
  for (const octets of [
    message(2013, [...le32(0), 0, ...bson({ hello: 1 })], 1, 5),
    message(1, [...le32(0), 0, ...bson({ hello: 1 })]),
    message(2013, [...le32(0x80), 0, ...bson({ hello: 1 })]),
    message(2004, [...le32(0), ...cstring('nodot'), ...le32(0), ...bson({})]),
    message(2013, [...le32(0), 0, ...bson({ '\xff': 1 })]),
  ]) {
    t.equal(deliver([orig(octets)]).app, 'unknown')
  }
})
