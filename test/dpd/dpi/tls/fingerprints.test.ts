import t from 'tap'
import { parseClientHello } from '../../../../src/dpd/dpi/tls/hello.js'
import { ja3 } from '../../../../src/dpd/dpi/tls/ja3.js'
import { ja4 } from '../../../../src/dpd/dpi/tls/ja4.js'
import { readRecorded } from '../recorded.js'
import {
  alpn,
  extension,
  type Octets,
  serverName,
  supportedVersions,
  text,
  u16,
  v8,
  v16,
} from './hello.js'

/** A ClientHello's body. */
function hello(ciphers: readonly number[], extensions: Octets, version = 0x0303) {
  const random = Array.from({ length: 32 }, () => 0)
  const octets = [...u16(version), ...random, 0, ...v16(ciphers.flatMap(u16)), 1, 0]
  const parsed = parseClientHello(Uint8Array.from([...octets, ...v16(extensions)]))
  if ('clause' in parsed) throw new Error(parsed.clause)
  return parsed
}

const GREASE = 0x3a3a
const signatures = (...values: readonly number[]): Octets => extension(13, v16(values.flatMap(u16)))
const empty = (...types: readonly number[]): Octets => types.flatMap((type) => extension(type, []))

/** The example of JA4's publication: a Chrome over TCP. */
const CHROME = {
  ciphers: [
    GREASE,
    0x1301,
    0x1302,
    0x1303,
    0xc02b,
    0xc02f,
    0xc02c,
    0xc030,
    0xcca9,
    0xcca8,
    0xc013,
    0xc014,
    0x009c,
    0x009d,
    0x002f,
    0x0035,
  ],
  extensions: [
    ...extension(GREASE, []),
    ...serverName('shop.example'),
    ...empty(0x17, 0xff01),
    ...extension(0x0a, v16(u16(29))),
    ...extension(0x0b, v8([0])),
    ...empty(0x23),
    ...alpn('h2', 'http/1.1'),
    ...empty(0x05),
    ...signatures(0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601),
    ...empty(0x12, 0x33, 0x2d),
    ...supportedVersions(GREASE, 0x0304, 0x0303),
    ...empty(0x1b, 0x4469, 0x15),
  ],
}

t.test('JA4: as published', async (t) => {
  const chrome = hello(CHROME.ciphers, CHROME.extensions)
  t.equal(ja4(chrome, 't'), 't13d1516h2_8daaf6152771_e5627efa2ab1')
  t.equal(ja4(chrome, 'q'), 'q13d1516h2_8daaf6152771_e5627efa2ab1')
  const moved = hello([...CHROME.ciphers].reverse(), CHROME.extensions)
  t.equal(ja4(moved, 't'), ja4(chrome, 't'), 'order does not matter')
})

t.test('JA4: versions, server name, counts, and what is not there', async (t) => {
  t.match(ja4(hello([1], [], 0x0300), 't'), /^ts3i010000_[0-9a-f]{12}_000000000000$/)
  t.match(ja4(hello([1], [], 0x0301), 't'), /^t10i/)
  t.match(ja4(hello([1], [], 0x0302), 't'), /^t11i/)
  t.match(ja4(hello([1], [], 0x0707), 't'), /^t00i/)
  t.equal(ja4(hello([GREASE], []), 't'), 't12i000000_000000000000_000000000000')
  const many = Array.from({ length: 120 }, (_, i) => i + 1)
  t.match(ja4(hello(many, []), 't'), /^t12i9900/)
  // Nothing but server_name and ALPN: the hash of no text.
  t.match(ja4(hello([1], [...serverName('a'), ...alpn('h3')]), 't'), /^t12d0102h3_.*_e3b0c44298fc$/)
})

t.test('JA4: ends of the first protocol', async (t) => {
  const ends: readonly (readonly [string, string])[] = [
    ['h', 'hh'],
    ['http/1.1', 'h1'],
    ['\xab', 'ab'],
    ['\xab\xcd', 'ad'],
    ['0\xab', '3b'],
    ['01\xab\xcd', '3d'],
    ['0\xab\xcd1', '01'],
  ]
  for (const [name, is] of ends) {
    const fingerprint = ja4(hello([1], extension(16, v16(v8(text(name))))), 't')
    t.equal(fingerprint.slice(8, 10), is)
  }
})

t.test('JA3: of a curl with OpenSSL 3, as its databases have it', async (t) => {
  const [first] = readRecorded('tls-curl')
  const parsed = parseClientHello(first?.octets.subarray(9) ?? new Uint8Array(0))
  if ('clause' in parsed) throw new Error(parsed.clause)
  t.equal(ja3(parsed), '0149f47eabf9a20d0893e2a44e5a6323')
  t.equal(ja4(parsed, 't'), 't13d3112h2_e8f1e7e78f70_b26ce05bbdd6')
})

t.test('JA3: GREASE is left out, absent lists are empty', async (t) => {
  const bare = hello([0x2f], [])
  const greased = hello([GREASE, 0x2f], extension(GREASE, []))
  t.equal(ja3(greased), ja3(bare))
  // MD5 of `771,47,,,`.
  t.equal(ja3(bare), 'fde4273625b2ac63bd01d9c500dac91b')
})
