import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const send = (dir: Send['dir'], text: string): Send => ({
  dir,
  octets: fromLatin1(text),
  ended: false,
})
const orig = (text: string): Send => send('orig', text)
const reply = (text: string): Send => send('reply', text)
const fieldsOf = (seen: ReturnType<typeof deliver>) =>
  seen.facts.map(({ fact }) => (fact.kind === 'tx' ? fact.fields : fact.kind))
const binary = (opcode: number, opaque: number, magic = 0x80): string =>
  `${String.fromCharCode(magic, opcode)}${'\0'.repeat(10)}\0\0\0${String.fromCharCode(opaque)}${'\0'.repeat(8)}`

t.test('a retrieval longer than what is read of a line has untold keys', async (t) => {
  const keys = Array.from({ length: 2_000 }, (_, i) => `key-${i}`)
  const seen = deliver([orig(`get ${keys.join(' ')}\r\nget a\r\n`)])
  const untold = { command: 'get', keys: [], ambiguous: ['keys'] }
  t.same(fieldsOf(seen), [untold, { command: 'get', keys: ['a'] }])
})

t.test('any other line of that length is malformed', async (t) => {
  const seen = deliver([orig(`version\r\nset ${'x'.repeat(9_000)}`)])
  t.match(seen.clause, 'protocol.txt line length')
})

t.test('a key longer than any server takes', async (t) => {
  for (const line of ['get KEY', 'set KEY 0 0 1', 'md KEY', 'touch KEY 1']) {
    const seen = deliver([orig(`version\r\n${line.replace('KEY', 'k'.repeat(251))}\r\n`)])
    t.match(seen.clause, 'key length', line)
  }
})

t.test('a data block is skipped, up to what a server can hold', async (t) => {
  const { inspection } = deliver([orig('set a 0 0 1073741824\r\n')])
  t.equal(inspection.covered('orig'), 22 + 1_073_741_824)
  t.match(deliver([orig('version\r\nset a 0 0 1073741825\r\n')]).clause, 'bytes')
})

t.test('a reply line longer than any', async (t) => {
  t.match(deliver([orig('version\r\n'), reply('x'.repeat(9_000))]).clause, 'line length of a reply')
})

t.test('of more than 1024 commands without a reply the oldest end', async (t) => {
  const { facts } = deliver([orig('get a\r\n'.repeat(1_030))])
  t.equal(facts.filter(({ fact }) => fact.kind === 'txEnd').length, 6)
})

t.test('over UDP of more than 64', async (t) => {
  const get = orig('\0\0\0\0\0\x01\0\0get a\r\n')
  const { facts } = deliver(
    Array.from({ length: 66 }, () => get),
    'udp',
  )
  t.equal(facts.filter(({ fact }) => fact.kind === 'txEnd').length, 2)
})

t.test('quiet meta commands: replies are told from mn on', async (t) => {
  const seen = deliver([
    orig('mg a v q\r\nmg b v\r\nmn\r\nmg c v\r\n'),
    reply('VA 1\r\nx\r\nEN\r\nMN\r\nHD\r\n'),
  ])
  const replies = seen.facts.flatMap(({ fact }) =>
    fact.kind === 'tx' && fact.dir === 'reply' ? [[fact.tx, fact.fields.code]] : [],
  )
  t.same(replies, [
    [2, 'MN'],
    [3, 'HD'],
  ])
})

t.test('refusal of the text protocol', async (t) => {
  const { inspection } = deliver([orig('get a\r\nget b\r\n')])
  const refusal = inspection.refusal(0)
  const text = latin1(refusal?.toOpener ?? new Uint8Array(0))
  t.equal(text, 'SERVER_ERROR denied by network policy\r\n')
  t.equal(refusal?.then, 'close')
  t.equal(inspection.refusal(1), null, 'the first awaits its own')
  t.equal(deliver([orig('get a\r\n'), reply('VALUE a 0 1\r\nx\r\n')]).inspection.refusal(0), null)
  t.equal(deliver([orig('delete a noreply\r\n')]).inspection.refusal(0), null)
})

t.test('refusal of the binary protocol', async (t) => {
  const get = orig(binary(0x0b, 9))
  const toOpener = deliver([get]).inspection.refusal(0)?.toOpener ?? new Uint8Array(0)
  const seen = deliver([get, { dir: 'reply', octets: toOpener, ended: false }])
  t.match(fieldsOf(seen)[1], { status: 'error', code: 'AUTH_ERROR' })
})

t.test('refusal over UDP', async (t) => {
  const get = orig('\x01\x02\0\0\0\x01\0\0get a\r\n')
  const refusal = deliver([get], 'udp').inspection.refusal(0)
  t.equal(refusal?.then, 'continue')
  const seen = deliver(
    [get, { dir: 'reply', octets: refusal?.toOpener ?? new Uint8Array(0), ended: false }],
    'udp',
  )
  t.match(fieldsOf(seen)[1], { status: 'error', code: 'SERVER_ERROR' })
})

t.test('binary: a reply to nobody is passed', async (t) => {
  const seen = deliver([
    orig(binary(0x0b, 1)),
    reply(binary(0x0b, 2, 0x81)),
    reply(binary(0x0b, 1, 0x81)),
  ])
  t.equal(seen.facts.length, 3)
})

t.test('lines of other protocols', async (t) => {
  for (const line of [
    ...[
      'GET a\r\n',
      'get\r\n',
      'quit\r\n',
      'QUIT\r\n',
      'stats-job 1\r\n',
      'watch tube\r\n',
      'touch 12\r\n',
    ],
    ...[
      'EHLO a\r\n',
      'USER x\r\n',
      'get / HTTP/1.0\r\n',
      'set a b\r\n',
      'put 0 0 60 5\r\n',
      'add\r\n',
      'gets',
    ],
  ]) {
    t.not(deliver([orig(line)]).app, 'memcached', JSON.stringify(line))
  }
  t.not(deliver([reply('220 mail.example ESMTP\r\n'), orig('version\r\n')]).app, 'memcached')
})

t.test('after a gap commands can not be told from data', async (t) => {
  const { inspection } = deliver([orig('version\r\n')])
  t.equal(inspection.gap('orig', 9, 10).state, 'done')
})
