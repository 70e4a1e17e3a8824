import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { STATEMENT_OCTETS, STATEMENTS } from '../../../../src/dpd/dpi/sql/statement.js'
import { readCaptured } from '../captured.js'
import { type Delivered, deliver } from '../deliver.js'
import type { Send } from '../send.js'

const orig = (octets: Uint8Array): Send => ({ dir: 'orig', octets, ended: false })
const reply = (octets: Uint8Array): Send => ({ dir: 'reply', octets, ended: false })

function packet(sequence: number, payload: string, octets = payload.length): Uint8Array {
  const head = [octets & 0xff, (octets >> 8) & 0xff, octets >> 16, sequence]
  return Uint8Array.from([...head, ...fromLatin1(payload)])
}

/** In the third octet of the capabilities, beside plugins. */
const MULTI_STATEMENTS = '\x09'
const OK = '\0\0\0\x02\0\0\0'
/** Protocol 4.1, secure connection, plugins; no compression. */
const greeting = `\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xdf\xff\x2d\x02\0\xff\xc1\x15${'\0'.repeat(10)}abcdefghijkl\0native\0`
const login = (high: string): string =>
  `\x01\x82${high}\0\0\0\0\x01\x2d${'\0'.repeat(23)}u\0\x02xynative\0`
const session = (high = '\x08'): readonly Send[] => [
  reply(packet(0, greeting)),
  orig(packet(1, login(high))),
  reply(packet(2, OK)),
]
const query = (text: string): Uint8Array => packet(0, `\x03${text}`)
const begin = (...sends: readonly Send[]): Delivered => deliver([...session(), ...sends])
const requests = (seen: Delivered): unknown[] =>
  seen.facts.flatMap(({ fact }) => (fact.kind === 'tx' && fact.dir === 'orig' ? [fact.fields] : []))

t.test('SSLRequest: TLS from its end, in both directions', async (t) => {
  const seen = deliver(readCaptured('mysql/tls')[0]?.sends ?? [])
  t.equal(seen.app, 'tls')
  const begins = seen.facts.flatMap(({ app, fact }) =>
    app === 'tls' && fact.kind === 'tx' ? [`${fact.dir} ${fact.begin}`] : [],
  )
  t.same(begins, ['orig 36', 'reply 108'])
})

t.test('NeuVector fault 27: packets above 4 000 octets, in both directions', async (t) => {
  const long = `select '${'x'.repeat(5_000)}' from a`
  const seen = begin(
    orig(query(long)),
    reply(packet(1, '\x01')),
    reply(packet(2, '\x03def')),
    reply(packet(3, '\xfe\0\0\x02\0')),
    reply(packet(4, `\xfc\x88\x13${'y'.repeat(5_000)}`)),
    reply(packet(5, '\xfe\0\0\x02\0')),
    orig(query('drop table b')),
  )
  t.match(requests(seen), [
    { verb: 'SELECT', tables: ['a'] },
    { verb: 'DROP', tables: ['b'] },
  ])
  t.equal(seen.facts.filter(({ fact }) => fact.kind === 'txEnd').length, 1)
})

t.test('NeuVector fault 27: COM_STMT_PREPARE and COM_STMT_EXECUTE are transactions', async (t) => {
  const flow = readCaptured('mysql/mysql2')[0]?.sends ?? []
  t.match(requests(deliver(flow)).slice(0, 3), [
    { verb: 'SELECT', tables: ['item'] },
    { verb: 'SELECT', tables: ['item'] },
    { verb: 'SELECT', tables: ['item'] },
  ])
})

t.test(
  'a statement longer than is read: its head decides the verb, the rest is skipped',
  async (t) => {
    const text = `insert into a values ('${'x'.repeat(STATEMENT_OCTETS)}'); drop table b`
    const one = begin(orig(query(text)), reply(packet(1, OK)), orig(query('select 1')))
    t.same(requests(one), [
      { verb: 'INSERT', tables: ['a'], user: 'u', ambiguous: ['tables'] },
      { verb: 'SELECT', tables: [], user: 'u' },
    ])
    const several = deliver([...session(MULTI_STATEMENTS), orig(query(text))])
    t.match(requests(several), [{ verb: 'INSERT', ambiguous: ['verb', 'tables'] }])
  },
)

t.test('a statement of 16 MiB and more goes on in the next packet', async (t) => {
  const { inspection } = begin(
    orig(packet(0, `\x03delete from a where x = '${'x'.repeat(20_000)}`, 0xffffff)),
  )
  const first = packet(1, login('\x08')).length
  const next = first + 4 + 0xffffff
  t.equal(inspection.covered('orig'), next)
  inspection.octets('orig', next, packet(1, "'"), false)
  const outcome = inspection.octets('orig', next + 5, query('drop table b'), false)
  t.match(outcome.facts, [{ fact: { kind: 'tx', tx: 1, fields: { verb: 'DROP' } } }])
  t.equal(latin1(inspection.refusal(0)?.toOpener ?? new Uint8Array(0), 3, 4), '\x02')
})

t.test('more statements in one command than are told', async (t) => {
  const text = Array.from({ length: STATEMENTS + 5 }, (_, i) => `drop table t${i}`).join(';')
  const seen = deliver([...session(MULTI_STATEMENTS), orig(query(text))])
  t.equal(requests(seen).length, STATEMENTS + 1)
  t.match(requests(seen).at(-1), { ambiguous: ['verb', 'tables'] })
})

t.test('pipelined commands rest until replies come', async (t) => {
  const all = Array.from({ length: 70 }, () => orig(query('select 1')))
  t.equal(requests(begin(...all)).length, 64)
  t.equal(requests(begin(...all, reply(packet(1, OK)))).length, 65)
})

t.test('statements being prepared rest sooner', async (t) => {
  const all = Array.from({ length: 10 }, () => orig(packet(0, '\x16delete from a')))
  t.equal(requests(begin(...all)).length, 8)
})

t.test('prepared statements beyond those kept are ambiguous', async (t) => {
  const sends: Send[] = []
  const number = (i: number): string => String.fromCharCode(i & 0xff, i >> 8, 0, 0)
  for (let i = 0; i <= 512; i++) {
    sends.push(
      orig(packet(0, '\x16delete from a')),
      reply(packet(1, `\0${number(i)}\0\0\0\0\0\0\0`)),
    )
  }
  const execute = (i: number): Send => orig(packet(0, `\x17${number(i)}\0\x01\0\0\0`))
  const seen = begin(...sends, execute(0), execute(512))
  t.match(requests(seen).slice(-2), [{ ambiguous: ['verb', 'tables'] }, { verb: 'DELETE' }])
})

t.test('refusal: an ERR packet with the next sequence id, before any of the reply', async (t) => {
  const { inspection } = begin(orig(query('drop table a')))
  const refusal = inspection.refusal(0)
  const text = latin1(refusal?.toOpener ?? new Uint8Array(0))
  t.equal(text, `\x21\0\0\x01\xff\x76\x04#42000Denied by network policy`)
  t.equal(refusal?.then, 'close')
  t.equal(
    begin(orig(query('drop table a')), orig(query('drop table b'))).inspection.refusal(1),
    null,
  )
  const answered = begin(orig(query('select 1')), reply(packet(1, '\x01')))
  t.equal(answered.inspection.refusal(0), null)
})

t.test(
  'what is compressed has no transactions: rules that need them can not pass it',
  async (t) => {
    const seen = deliver(readCaptured('mysql/compressed')[0]?.sends ?? [])
    t.equal(seen.state, 'done')
    t.same(requests(seen), [])
  },
)
