import t from 'tap'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { deliver } from '../deliver.js'
import type { Send } from '../send.js'

const orig = (text: string): Send => ({ dir: 'orig', octets: fromLatin1(text), ended: false })
const reply = (text: string): Send => ({ dir: 'reply', octets: fromLatin1(text), ended: false })
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('pipelined requests beyond 64 rest until replies come', async (t) => {
  const requests = orig(GET.repeat(70))
  const resting = deliver([requests])
  t.equal(resting.facts.length, 64)
  t.equal(resting.inspection.covered('orig'), 64 * GET.length, 'the others may not go out')
  const answered = deliver([requests, reply('HTTP/1.1 204 No Content\r\n\r\n'.repeat(70))])
  t.equal(answered.state, 'parsing')
  t.equal(answered.facts.length, 3 * 70)
})

t.test('a head longer than the window', async (t) => {
  const seen = deliver([orig(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)])
  t.match([seen.app, seen.state], ['http', 'malformed'])
  t.match(seen.clause, 'window')
  t.same(seen.facts, [])
})

t.test('a long head in many pieces costs no more than its octets', async (t) => {
  const head = orig(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(30_000)}\r\n\r\n`)
  const seen = deliver([head], 'tcp', (octets) =>
    Array.from({ length: Math.ceil(octets.length / 10) }, (_, i) =>
      octets.subarray(i * 10, i * 10 + 10),
    ),
  )
  t.equal(seen.facts.length, 1)
})

t.test('more field lines than any server takes', async (t) => {
  const seen = deliver([orig(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(256)}\r\n`)])
  t.match(seen.clause, 'RFC 9110 §5.4')
})

t.test('a chunk line that never ends', async (t) => {
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'
  const seen = deliver([orig(`${head}5;${'x'.repeat(600)}`)])
  t.match(seen.clause, 'RFC 9112 §7.1.1')
})

t.test('a body is skipped, not kept', async (t) => {
  const head = 'PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9007199254740991\r\n\r\n'
  const { inspection } = deliver([orig(head)])
  t.equal(inspection.covered('orig'), Number.MAX_SAFE_INTEGER)
  const outcome = inspection.octets('orig', head.length, new Uint8Array(100_000), false)
  t.equal(outcome.state, 'parsing')
})
