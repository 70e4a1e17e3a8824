/** Where each target's inputs start from, and the words that its grammar knows. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fromLatin1 } from '../../src/core/bytes.js'
import { readCases } from '../dpd/dpi/cases.js'
import {
  accepted,
  answer,
  cryptoFrames,
  hello,
  initial,
  retryHello,
} from '../dpd/dpi/quic/hellos.js'
import { crypto, type Octets } from '../dpd/dpi/quic/seal.js'
import { readRecorded, recordedNames } from '../dpd/dpi/recorded.js'
import type { Send } from '../dpd/dpi/send.js'
import { root } from '../root.js'
import { type Conversation, readConversation } from './conversation.js'

export const TARGETS = ['http', 'http2', 'tls', 'dns', 'mysql', 'postgresql', 'quic', 'quic-frames'] as const
export type Target = (typeof TARGETS)[number]

export const keptFolder = (target: Target): string => join(root, 'test/fixtures/dpi/fuzz', target)

/** Inputs that once failed, by file name. */
export function keptInputs(target: Target): readonly (readonly [string, Conversation])[] {
  const folder = keptFolder(target)
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.octets'))
  return names
    .sort()
    .map((name) => [name, readConversation(readFileSync(join(folder, name), 'ascii'))])
}

/** What goes through the parsers: of `quic-frames` each send is an Initial packet's frames, sealed only then. */
export function carried(target: Target, { transport, sends }: Conversation): Conversation {
  if (target !== 'quic-frames') return { transport, sends }
  const sealed = sends.map(({ dir, octets, ended }, number) => {
    const seal = dir === 'orig' ? initial : answer
    const frames = octets.subarray(0, FRAMES_OCTETS)
    return { dir, octets: Uint8Array.from(seal([...frames], { number })), ended }
  })
  return { transport: 'udp', sends: sealed }
}

function framesSeeds(): readonly Conversation[] {
  const orig = (...frames: readonly Octets[]): Send => send('orig', frames.flat())
  const large = cryptoFrames(hello('big.example', 1_500), 500)
  const first = hello('a.example')
  return [
    [orig(crypto(0, first)), send('reply', crypto(0, accepted))],
    [orig(large[1] ?? [], [1, 0, 0]), orig(large[3] ?? [], large[0] ?? []), orig(large[2] ?? [])],
    [
      orig(crypto(0, first)),
      send('reply', [2, 0, 0, 0, 0, ...crypto(0, retryHello)]),
      orig(crypto(first.length, first)),
      send('reply', crypto(retryHello.length, accepted)),
    ],
  ].map((sends): Conversation => ({ transport: 'udp', sends }))
}

const send = (dir: Send['dir'], octets: Octets): Send => ({
  dir,
  octets: Uint8Array.from(octets),
  ended: false,
})

export function seedsOf(target: Target): readonly Conversation[] {
  if (target === 'quic-frames') return framesSeeds()
  const recorded = recordedNames().filter((name) => name.startsWith(`${target}-`))
  const tcp = recorded.filter((name) => target !== 'dns' || /-tcp$|-keepopen$/.test(name))
  const udp = recorded.filter((name) => !tcp.includes(name))
  return [
    ...tcp.map((name): Conversation => ({ transport: 'tcp', sends: readRecorded(name) })),
    ...udp.map((name): Conversation => ({ transport: 'udp', sends: readRecorded(name) })),
    ...(CASES[target] ?? []).flatMap(readCases),
  ].filter((seed) => seed.sends.length > 0)
}

const CASES: Readonly<Partial<Record<Target, readonly string[]>>> = {
  http: ['http.md', 'http-smuggling.md', 'websocket.md'],
  http2: ['http2.md', 'http-captured.md'],
  tls: ['tls.md'],
  dns: ['dns.md'],
  mysql: ['mysql.md'],
  postgresql: ['postgresql.md'],
  quic: ['quic.md'],
}

/** What a datagram of the common MTU takes. */
const FRAMES_OCTETS = 1_400

const HTTP_WORDS = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '0\r\n\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: upgrade\r\nUpgrade: x\r\n',
  'Host: b\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  'HTTP/1.1 204 No Content\r\n\r\n',
  'ffffffffffff',
]
const HTTP2_WORDS = [
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\x00\x00\x00\x04\x00\x00\x00\x00\x00',
  '\x00\x00\x00\x04\x01\x00\x00\x00\x00',
  '\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00',
  '\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x01\x00\x01\x00\x00',
  '\x00\x00\x04\x01\x05\x00\x00\x00\x05\x82\x86\x84\xbe',
  '\x00\x00\x01\x01\x04\x00\x00\x00\x05\x88',
  '\x00\x00\x01\x09\x04\x00\x00\x00\x05\x88',
  '\x00\x00\x00\x00\x01\x00\x00\x00\x05',
  '\x00\x00\x04\x03\x00\x00\x00\x00\x05\x00\x00\x00\x08',
  '\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00',
  '\x82',
  '\xbe',
  '\x3f\xe1\x1f',
  '\x20',
  '\x40\x01a\x01b',
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n',
]
const TLS_WORDS = [
  '\x16\x03\x01\x00\x01',
  '\x16\x03\x03\x00\x05\x01\x00\x00\x01',
  '\x14\x03\x03\x00\x01\x01',
  '\x15\x03\x03\x00\x02\x02\x28',
  '\x17\x03\x03\x00\x10',
  '\x00\x00\x00\x0a\x00\x08\x00\x00\x05other',
  '\x00\x10\x00\x05\x00\x03\x02h2',
  '\x00\x2b\x00\x03\x02\x03\x04',
  '\xfe\x0d\x00\x00',
  '\x00\x00',
]
const DNS_WORDS = [
  '\xc0\x0c',
  '\xc0\x00',
  '\xff\xff',
  '\x00',
  '\x07example\x00',
  '\x00\x01\x00\x01',
  '\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00',
  '\x3f',
  '\x40',
]
const SQL_WORDS = [
  ...[
    'select ',
    ' from ',
    'delete from a',
    ' join ',
    ' using ',
    ' with x as (',
    '(',
    ')',
    ',',
    ';',
  ],
  ...["'", '"', '`', '\\', '$$', '$t$', '/*', '*/', '/*!50000 ', '/*!99999 ', '-- ', '#', "E'"],
  ...['insert into ', 'update ', 'set ', 'use b', 'explain ', 'execute p', '1e0from', '\xbf\\'],
]
const MYSQL_WORDS = [
  ...SQL_WORDS,
  '\x07\0\0\x01\0\0\0\x02\0\0\0',
  '\x07\0\0\x01\0\0\0\x0a\0\0\0',
  '\x05\0\0\x02\xfe\0\0\x02\0',
  '\x09\0\0\x01\xff\x48\x04#42000',
  '\x01\0\0\0\x0e',
  '\x01\0\0\x01\x01',
  '\xff\xff\xff\0\x03',
  '\x09\0\0\0\x17\xff\xff\xff\xff',
  '\x02\0\0\x01\xfb/',
  '\x09\0\0\0\x03select 1',
  '\x07\0\0\0\x03use b;',
]
const POSTGRESQL_WORDS = [
  ...SQL_WORDS,
  'Q\0\0\0\x0dselect 1\0',
  'P\0\0\0\x11s\0select 1\0\0\0',
  'B\0\0\0\x0e\0s\0\0\0\0\0\0\0',
  'E\0\0\0\x09\0\0\0\0\0',
  'S\0\0\0\x04',
  'Z\0\0\0\x05I',
  'C\0\0\0\x0dSELECT 1\0',
  'E\0\0\0\x0dC42501\0\0\0',
  '1\0\0\0\x04',
  'd\x7f\xff\xff\xff',
  'R\0\0\0\x08\0\0\0\0',
  '\0\0\0\x08\x04\xd2\x16\x2f',
]

const QUIC_WORDS = [
  '\xc0\x00\x00\x00\x01\x08',
  '\xd0\x6b\x33\x43\xcf\x08',
  '\xc0\x1a\x2a\x3a\x4a\x08',
  '\x80\x00\x00\x00\x00\x00\x00',
  '\xf0\x00\x00\x00\x01\x00\x08',
  '\x44\x9e',
  '\xff\xff\xff\xff\xff\xff\xff\xff',
]
const FRAME_WORDS = [
  '\x06\x00\x04\x01\x00\x00\x00',
  '\x06\x41\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00',
  '\x06\x80\x00\x80\x00\x01\x00',
  '\x02\x05\x00\x02\x01\x01\x01\x01\x01',
  '\x03\x05\x00\x00\x01\x00\x00\x00',
  '\x1c\x00\x06\x00',
  '\x01',
  '\x00\x00\x00\x00',
]

const WORDS: Readonly<Record<Target, readonly string[]>> = {
  http: HTTP_WORDS,
  http2: HTTP2_WORDS,
  tls: TLS_WORDS,
  dns: DNS_WORDS,
  mysql: MYSQL_WORDS,
  postgresql: POSTGRESQL_WORDS,
  quic: QUIC_WORDS,
  'quic-frames': FRAME_WORDS,
}

export const wordsOf = (target: Target): readonly Uint8Array[] => WORDS[target].map(fromLatin1)
