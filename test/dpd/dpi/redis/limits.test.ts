import t from 'tap'
import { fromLatin1, latin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const send = (dir: Send['dir'], text: string): Send => ({
  dir,
  octets: fromLatin1(text),
  ended: false,
})
const orig = (...commands: string[][]): Send => send('orig', commands.map(resp).join(''))
const reply = (text: string): Send => send('reply', text)
const resp = (words: string[]): string =>
  `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
const fieldsOf = (seen: ReturnType<typeof deliver>) =>
  seen.facts.map(({ fact }) => (fact.kind === 'tx' ? fact.fields : fact.kind))
const UNTOLD = { keys: [], ambiguous: ['keys'] }

t.test('a value before a key that lies beyond the head leaves keys untold', async (t) => {
  const long = 'x'.repeat(70_000)
  const seen = deliver([orig(['MSET', 'a', long, 'b', '1'], ['GET', 'c'])])
  t.match(fieldsOf(seen), [
    { command: 'MSET', ...UNTOLD },
    { command: 'GET', keys: ['c'] },
  ])
})

t.test('a value after the last key is skipped, however long', async (t) => {
  const { inspection, facts } = deliver([
    send('orig', '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\n'),
  ])
  t.equal(facts.length, 1)
  t.equal(inspection.covered('orig'), 32 + 536_870_912)
})

t.test('more than 1024 keys in one command are untold', async (t) => {
  const keys = Array.from({ length: 1_100 }, (_, i) => `k${i}`)
  const seen = deliver([orig(['DEL', ...keys], ['PING'])])
  t.match(fieldsOf(seen), [
    { command: 'DEL', ...UNTOLD },
    { command: 'PING', keys: [] },
  ])
  const few = deliver([orig(['DEL', ...keys.slice(0, 1_000)])])
  t.match(fieldsOf(few), [{ keys: keys.slice(0, 1_000) }])
})

t.test('an inline command longer than the server takes', async (t) => {
  const seen = deliver([send('orig', `PING\r\nGET ${'x'.repeat(66_000)}`)])
  t.match(seen.clause, 'Redis inline command length')
})

t.test('a command name longer than any', async (t) => {
  t.match(deliver([orig(['PING'], ['x'.repeat(65)])]).clause, 'RESP command name')
})

t.test('more arguments than a server takes', async (t) => {
  t.match(deliver([send('orig', `${resp(['PING'])}*2147483648\r\n`)]).clause, 'RESP array length')
  t.equal(deliver([send('orig', '*1048577\r\n$4\r\nPING\r\n')]).app, 'unknown', 'at first')
})

t.test('a reply nested deeper than any', async (t) => {
  t.match(deliver([orig(['PING']), reply('*1\r\n'.repeat(32))]).state, 'parsing')
  t.match(deliver([orig(['PING']), reply('*1\r\n'.repeat(33))]).clause, 'RESP depth')
})

t.test('a status line longer than any', async (t) => {
  const seen = deliver([orig(['PING']), reply(`+${'x'.repeat(16_385)}`)])
  t.match(seen.clause, 'RESP line length')
})

t.test('the code of an error ends somewhere', async (t) => {
  const seen = deliver([orig(['PING']), reply(`-${'X'.repeat(80)}\r\n`)])
  t.match(fieldsOf(seen)[1], { status: 'error', code: 'X'.repeat(64) })
})

t.test('of more than 4096 commands without a reply the oldest end', async (t) => {
  const seen = deliver([orig(...Array.from({ length: 4_100 }, () => ['PING']))])
  const ends = seen.facts.filter(({ fact }) => fact.kind === 'txEnd')
  t.equal(ends.length, 4)
  t.equal(seen.inspection.refusal(4_099), null)
})

t.test('with more than 256 subscriptions under way replies are not followed', async (t) => {
  const commands = Array.from({ length: 260 }, (_, i) => ['SUBSCRIBE', `c${i}`])
  const seen = deliver([orig(...commands), reply('*3\r\n$9\r\nsubscribe\r\n$2\r\nc0\r\n:1\r\n')])
  t.equal(seen.state, 'parsing')
  t.equal(seen.facts.filter(({ fact }) => fact.kind === 'txEnd').length, 260)
  t.equal(seen.inspection.covered('reply'), Number.MAX_SAFE_INTEGER)
})

t.test('refusal: an error and the end, where no earlier reply is due', async (t) => {
  const { inspection } = deliver([orig(['GET', 'a'], ['GET', 'b'])])
  const refusal = inspection.refusal(0)
  t.equal(
    latin1(refusal?.toOpener ?? new Uint8Array(0)),
    '-NOPERM this command is not allowed by network policy\r\n',
  )
  t.equal(refusal?.then, 'close')
  t.equal(inspection.refusal(1), null, 'the reply to the first is due')
  t.equal(inspection.refusal(2), null, 'no such transaction')
  const answered = deliver([orig(['GET', 'a'], ['GET', 'b']), reply('+OK\r\n')]).inspection
  t.not(answered.refusal(1), null)
  const half = deliver([orig(['GET', 'a'], ['GET', 'b']), reply('+OK\r\n*2\r\n')]).inspection
  t.equal(half.refusal(1), null, 'half of its reply is out')
})

t.test('refusal: none to a command that has no reply', async (t) => {
  const { inspection } = deliver([orig(['CLIENT', 'REPLY', 'OFF'], ['GET', 'a'])])
  t.equal(inspection.refusal(1), null)
})

t.test('after a gap commands can not be told from values', async (t) => {
  const { inspection } = deliver([orig(['PING'])])
  t.equal(inspection.gap('orig', 14, 10).state, 'done')
})
