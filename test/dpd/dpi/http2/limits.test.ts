import t from 'tap'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'
import { frames } from './frames.js'

const orig = (body: string): Send => ({ dir: 'orig', octets: frames(body), ended: false })
const reply = (body: string): Send => ({ dir: 'reply', octets: frames(body), ended: false })
const OPEN = 'preface\nSETTINGS 0\n'
const GET = ':method: GET | :scheme: http | :path: / | :authority: a'
const get = (stream: number, flags = 'end_stream end_headers') =>
  `HEADERS ${stream} ${flags} | ${GET}`

t.test('a flood of CONTINUATION frames', async (t) => {
  const flood = `${get(1, 'end_stream')}\n${'CONTINUATION 1\n'.repeat(31)}`
  const whole = deliver([orig(`${OPEN}${flood}CONTINUATION 1 end_headers`)])
  t.match([whole.state, whole.facts.length], ['parsing', 2], 'as many as are read')
  const seen = deliver([orig(`${OPEN}${flood}CONTINUATION 1\n`)])
  t.match(seen.clause, 'RFC 9113 §6.10 more than 32')
})

t.test('a header block longer than the window', async (t) => {
  const long = Array.from({ length: 8 }, () => `x: ${'y'.repeat(100)}`).join(' | ')
  const blocks = `CONTINUATION 1 | ${Array.from({ length: 8 }, () => long).join(' | ')}\n`
  const seen = deliver([orig(`${OPEN}${get(1, 'end_stream')}\n${blocks.repeat(6)}`)])
  t.match(seen.clause, 'window of 32768')
  t.equal(seen.facts.length, 1)
})

t.test('a header list that a small block unfolds to', async (t) => {
  const large = `+x: ${'y'.repeat(120)}`
  const bomb = `HEADERS 1 end_stream end_headers | ${GET} | ${large} | #${'be'.repeat(500)}`
  const seen = deliver([orig(`${OPEN}${bomb}`)])
  t.match(seen.clause, 'RFC 9113 §6.5.2 header list')
})

t.test('a table larger than is kept, though the server allows it', async (t) => {
  const size = (octets: string) => `HEADERS 1 end_stream end_headers | ${octets} | ${GET}`
  const begin = [orig(OPEN), reply('SETTINGS 0 | 1=1048576')]
  t.equal(deliver([...begin, orig(`SETTINGS 0 ack\n${size('#3fe1ff03')}`)]).state, 'parsing')
  const seen = deliver([...begin, orig(`SETTINGS 0 ack\n${size('#3fe2ff03')}`)])
  t.match(seen.clause, 'RFC 7541 §4.2 table of more than 65536')
})

t.test('SETTINGS that nobody acknowledges', async (t) => {
  t.equal(deliver([orig(`preface\n${'SETTINGS 0\n'.repeat(32)}`)]).state, 'parsing')
  t.match(deliver([orig(`preface\n${'SETTINGS 0\n'.repeat(33)}`)]).clause, 'RFC 9113 §6.5.3')
})

t.test('open streams; those that are reset are none', async (t) => {
  const streams = Array.from({ length: 1_025 }, (_, i) => get(2 * i + 1))
  t.match(deliver([orig(OPEN + streams.join('\n'))]).clause, 'RFC 9113 §5.1.2 more than 1024')
  const reset = streams.map((line, i) => `${line}\nRST_STREAM ${2 * i + 1} | #00000008`)
  const seen = deliver([orig(OPEN + reset.join('\n'))])
  t.match([seen.state, seen.facts.length], ['parsing', 1 + 2 * 1_025])
})

t.test('entries come and go: the table never holds more than its size', async (t) => {
  const field = (n: number) => `+x-${n}: ${'y'.repeat(100)}`
  const lines = Array.from({ length: 300 }, (_, i) => `${get(2 * i + 1)} | ${field(i)}`)
  const last = `HEADERS 601 end_stream end_headers | ${GET} | #be | #da`
  const seen = deliver([orig(`${OPEN}${[...lines, last].join('\n')}`)])
  t.equal(seen.state, 'parsing')
  const fact = seen.facts.at(-1)?.fact
  const detail = fact?.kind === 'tx' ? fact.detail?.() : undefined
  t.same(Object.keys(detail ?? {}), ['header.x-299', 'header.x-271'])
  const beyond = `HEADERS 601 end_stream end_headers | ${GET} | #db`
  t.match(deliver([orig(`${OPEN}${[...lines, beyond].join('\n')}`)]).clause, '§2.3.3')
})

t.test('an entry larger than the table empties it', async (t) => {
  const small = `${get(1)} | #3f31 | +a: b`
  t.match(deliver([orig(`${OPEN}${small}`)]).clause, 'size update after a field')
  const block = `HEADERS 1 end_stream end_headers | #3f21 | ${GET} | +a: b | +x: ${'y'.repeat(100)} | #be`
  t.match(deliver([orig(`${OPEN}${block}`)]).clause, '§2.3.3')
})

t.test('DATA is skipped, not kept', async (t) => {
  const head = `${OPEN}${get(1, 'end_headers')}\n#ffffff 00 00 00000001`
  const { inspection } = deliver([reply('SETTINGS 0 | 5=16777215'), orig(head)])
  const octets = frames(head).length
  t.equal(inspection.covered('orig'), octets + 0xffffff)
  t.equal(inspection.octets('orig', octets, new Uint8Array(100_000), false).state, 'parsing')
})

t.test('after a hole nothing is guessed', async (t) => {
  const { inspection } = deliver([orig(OPEN)])
  t.equal(inspection.gap('orig', 33, 100).state, 'done')
})
