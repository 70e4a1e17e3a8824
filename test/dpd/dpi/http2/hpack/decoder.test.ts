import t from 'tap'
import { HpackDecoder } from '../../../../../src/dpd/dpi/http2/hpack/decoder.js'
import { decodeHuffman } from '../../../../../src/dpd/dpi/http2/hpack/huffman.js'

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

function decode(decoder: HpackDecoder, text: string): string[] | string {
  const octets = hex(text)
  const list = decoder.decode(octets, 0, octets.length)
  if (list.kind === 'malformed') return list.clause
  return list.fields.map(({ name, value }) => `${name}: ${value}`)
}

const FIRST = [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com']

t.test('RFC 7541 Appendix C.3: requests without Huffman code', async (t) => {
  const decoder = new HpackDecoder()
  t.same(decode(decoder, '828684410f7777772e6578616d706c652e636f6d'), FIRST)
  t.same(decode(decoder, '828684be58086e6f2d6361636865'), [...FIRST, 'cache-control: no-cache'])
  t.same(decode(decoder, '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565'), [
    ':method: GET',
    ':scheme: https',
    ':path: /index.html',
    ':authority: www.example.com',
    'custom-key: custom-value',
  ])
})

t.test('RFC 7541 Appendix C.4: requests with Huffman code', async (t) => {
  const decoder = new HpackDecoder()
  t.same(decode(decoder, '828684418cf1e3c2e5f23a6ba0ab90f4ff'), FIRST)
  t.same(decode(decoder, '828684be5886a8eb10649cbf'), [...FIRST, 'cache-control: no-cache'])
  t.same(
    decode(decoder, '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf').at(-1),
    'custom-key: custom-value',
  )
})

t.test('RFC 7541 Appendix C.5: replies, with evictions from a table of 256 octets', async (t) => {
  const decoder = new HpackDecoder()
  decoder.allow(256)
  const date = 'date: Mon, 21 Oct 2013 20:13:21 GMT'
  const location = 'location: https://www.example.com'
  t.same(
    decode(
      decoder,
      `3fe101 4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54
       6e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
    ),
    [':status: 302', 'cache-control: private', date, location],
  )
  t.same(decode(decoder, '4803333037c1c0bf'), [
    ':status: 307',
    'cache-control: private',
    date,
    location,
  ])
  t.match(decode(decoder, 'c2'), '§2.3.3', 'evicted')
})

t.test('Huffman codes of all lengths (RFC 7541 Appendix B), padded with ones', async (t) => {
  const codes: Readonly<Record<string, number>> = {
    '07': 0x30,
    '53': 0x20,
    f8: 0x26,
    fe3f: 0x21,
    ffc7: 0x00,
    fffe1f: 0x5c,
    fffe3f: 0xc3,
    fffffbbf: 0xff,
    fffffff3: 0x0a,
    fffffffb: 0x16,
  }
  const out = new Uint8Array(4)
  for (const [code, octet] of Object.entries(codes)) {
    const octets = hex(code)
    t.same([decodeHuffman(octets, 0, octets.length, out), out[0]], [1, octet], code)
  }
  t.equal(decodeHuffman(hex('ffffffff'), 0, 4, out), -1, 'EOS')
  t.equal(decodeHuffman(hex('00000000000000'), 0, 7, out), -1, 'more than there is room for')
})
