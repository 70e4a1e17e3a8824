import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { STATEMENT_OCTETS } from '../../../../src/dpd/dpi/sql/statement.js'
import { readCaptured } from '../captured.js'
import { type Delivered, deliver } from '../deliver.js'
import type { Send } from '../send.js'

const orig = (octets: Uint8Array): Send => ({ dir: 'orig', octets, ended: false })
const reply = (octets: Uint8Array): Send => ({ dir: 'reply', octets, ended: false })
const be32 = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff)
const message = (type: string, body: string, octets = body.length): Uint8Array =>
  fromLatin1(`${type}${be32(octets + 4)}${body}`)

const PARAMETERS = 'user\0u\0\0'
const START = fromLatin1(`${be32(8 + PARAMETERS.length)}\0\x03\0\0${PARAMETERS}`)
const READY = message('Z', 'I')
const session: readonly Send[] = [orig(START), reply(message('R', '\0\0\0\0')), reply(READY)]
const query = (text: string): Uint8Array => message('Q', `${text}\0`)
const parse = (name: string, text: string): Uint8Array => message('P', `${name}\0${text}\0\0\0`)
const bind = (name: string): Uint8Array => message('B', `\0${name}\0\0\0\0\0\0\0`)
const EXECUTE = message('E', '\0\0\0\0\0')
const SYNC = message('S', '')
const begin = (...sends: readonly Send[]): Delivered => deliver([...session, ...sends])
const requests = (seen: Delivered): unknown[] =>
  seen.facts.flatMap(({ fact }) => (fact.kind === 'tx' && fact.dir === 'orig' ? [fact.fields] : []))

t.test('SSLRequest: TLS after the answer, in both directions', async (t) => {
  const seen = deliver(readCaptured('postgresql/tls')[0]?.sends ?? [])
  t.equal(seen.app, 'tls')
  const begins = seen.facts.flatMap(({ app, fact }) =>
    app === 'tls' && fact.kind === 'tx' ? [`${fact.dir} ${fact.begin}`] : [],
  )
  // The answer to the ClientHello follows session tickets and nothing else.
  t.equal(begins[0], 'orig 8')
})

t.test(
  'NeuVector fault 27: statements after the reply to the start, and prepared ones',
  async (t) => {
    const seen = deliver(readCaptured('postgresql/pgbench-prepared')[1]?.sends ?? [])
    t.match(requests(seen).slice(0, 4), [
      { verb: 'SELECT', tables: ['item'] },
      { verb: 'SELECT', tables: ['item'] },
      { verb: 'UPDATE', tables: ['item'] },
      { verb: 'UPDATE', tables: ['item'] },
    ])
  },
)

t.test('NeuVector fault 27: messages above 4 000 octets, in both directions', async (t) => {
  const seen = begin(
    orig(query(`select '${'x'.repeat(5_000)}' from a`)),
    reply(message('D', 'y'.repeat(5_000))),
    reply(message('C', 'SELECT 1\0')),
    reply(READY),
    orig(query('drop table b')),
  )
  t.match(requests(seen), [{ tables: ['a'] }, { verb: 'DROP', tables: ['b'] }])
})

t.test('a query longer than is read may hold others: nothing of it is sure', async (t) => {
  const text = `insert into a values ('${'x'.repeat(STATEMENT_OCTETS)}'); drop table b`
  const seen = begin(orig(query(text)), orig(query('select 1')))
  t.match(requests(seen), [{ verb: 'INSERT', ambiguous: ['verb', 'tables'] }, { verb: 'SELECT' }])
})

t.test('Parse holds one statement: the head of a long one decides its verb', async (t) => {
  const seen = begin(orig(parse('s', `insert into a values ('${'x'.repeat(STATEMENT_OCTETS)}')`)))
  t.same(requests(seen), [
    { verb: 'INSERT', tables: ['a'], user: 'u', database: 'u', ambiguous: ['tables'] },
  ])
})

t.test('rows and copied data are skipped, not kept', async (t) => {
  const { inspection } = begin(orig(query('copy a from stdin')))
  const at = START.length + query('copy a from stdin').length
  inspection.octets('orig', at, message('d', 'x', 0x7ffffff0), false)
  t.equal(inspection.covered('orig'), at + 5 + 0x7ffffff0)
})

t.test('pipelined messages rest until answers come', async (t) => {
  const all = Array.from({ length: 300 }, () => orig(query('select 1')))
  t.equal(requests(begin(...all)).length, 256)
  const answer = [reply(message('C', 'SELECT 1\0')), reply(READY)]
  t.equal(requests(begin(...all, ...answer)).length, 257)
})

t.test('prepared statements beyond those kept are ambiguous', async (t) => {
  const sends: Send[] = []
  for (let i = 0; i <= 512; i++) {
    sends.push(orig(parse(`s${i}`, 'delete from a')), reply(message('1', '')))
  }
  const run = (name: string): Send[] => [orig(bind(name)), orig(EXECUTE)]
  const seen = begin(...sends, ...run('s0'), ...run('s512'))
  t.match(requests(seen).slice(-2), [{ ambiguous: ['verb', 'tables'] }, { verb: 'DELETE' }])
})

t.test('refusal: a fatal ErrorResponse, before any of the answer', async (t) => {
  const refusal = begin(orig(query('drop table a'))).inspection.refusal(0)
  const text = latin1(refusal?.toOpener ?? new Uint8Array(0))
  t.equal(text, `E\0\0\0\x34SFATAL\0VFATAL\0C42501\0MDenied by network policy\0\0`)
  t.equal(refusal?.then, 'close')
  const batch = begin(orig(parse('', 'drop table a')), orig(bind('')), orig(EXECUTE))
  t.not(batch.inspection.refusal(1), null, 'its answer comes with that of the messages before')
  const later = begin(orig(parse('', 'select 1')), orig(SYNC), orig(query('drop table a')))
  t.equal(later.inspection.refusal(1), null, 'the client awaits another answer first')
  const answered = begin(orig(query('select 1')), reply(message('D', '\0\0')))
  t.equal(answered.inspection.refusal(0), null)
})
