/** Words that a grammar hangs on; a protocol without a row has those of its seeds alone. */
import { fromLatin1 } from '../../src/core/bytes.js'
import type { Conversation } from './conversation.js'

const SQL = [
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

export const GRAMMAR: Readonly<Record<string, readonly string[]>> = {
  http: [
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
  ],
  // HTTP/2 is the app http, as a grammar of its own.
  http2: [
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
  ],
  tls: [
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
  ],
  mysql: [
    ...SQL,
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
  ],
  postgresql: [
    ...SQL,
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
  ],
  quic: [
    '\xc0\x00\x00\x00\x01\x08',
    '\xd0\x6b\x33\x43\xcf\x08',
    '\xc0\x1a\x2a\x3a\x4a\x08',
    '\x80\x00\x00\x00\x00\x00\x00',
    '\xf0\x00\x00\x00\x01\x00\x08',
    '\x44\x9e',
    '\xff\xff\xff\xff\xff\xff\xff\xff',
  ],
  'quic-frames': [
    '\x06\x00\x04\x01\x00\x00\x00',
    '\x06\x41\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00',
    '\x06\x80\x00\x80\x00\x01\x00',
    '\x02\x05\x00\x02\x01\x01\x01\x01\x01',
    '\x03\x05\x00\x00\x01\x00\x00\x00',
    '\x1c\x00\x06\x00',
    '\x01',
    '\x00\x00\x00\x00',
  ],
  redis: [
    '*1\r\n$4\r\nPING\r\n',
    '*2\r\n$3\r\nGET\r\n$1\r\na\r\n',
    '*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n',
    '*1\r\n$7\r\nMONITOR\r\n',
    '*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n',
    '>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n',
    '+OK\r\n',
    '-ERR x\r\n',
    '!5\r\nERR x\r\n',
    '$?\r\n;1\r\na\r\n;0\r\n',
    '*?\r\n',
    '.\r\n',
    '|1\r\n',
    '%1\r\n',
    '*-1\r\n',
    '$-1\r\n',
    '$99999999\r\n',
  ],
  mongodb: [
    '\x00\x00\x00\x00\xdd\x07\x00\x00',
    '\x00\x00\x00\x00\xd4\x07\x00\x00',
    '\x00\x00\x00\x00\xdc\x07\x00\x00',
    '\x01\x00\x00\x00',
    '\x02\x00\x00\x00',
    '\x02find\x00\x02\x00\x00\x00a\x00',
    '\x02$db\x00\x02\x00\x00\x00d\x00',
    '\x03explain\x00',
    '\x04pipeline\x00',
    '\x05\x00\x00\x00\x00',
    '\xff\xff\xff\x7f',
  ],
  memcached: [
    'get a b\r\n',
    'set a 0 0 1\r\nx\r\n',
    'mg a v q\r\n',
    'mn\r\n',
    'ms a 1 b\r\nx\r\n',
    'noreply\r\n',
    'watch\r\n',
    'VALUE a 0 1\r\nx\r\n',
    'VA 1\r\nx\r\n',
    'END\r\n',
    'MN\r\n',
    '\x80\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00',
    '\x81\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00',
  ],
  dns: [
    '\xc0\x0c',
    '\xc0\x00',
    '\xff\xff',
    '\x00',
    '\x07example\x00',
    '\x00\x01\x00\x01',
    '\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00',
    '\x3f',
    '\x40',
  ],
  mqtt: [
    '\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03abc',
    '\x10\x10\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x03abc',
    '\x20\x02\x00\x00',
    '\x20\x03\x00\x00\x00',
    '\x30\x06\x00\x00\x03\x23\x00\x01',
    '\x30\x07\x00\x01a\x03\x23\x00\x01',
    '\x34\x07\x00\x02ts\x00\x07x',
    '\x50\x02\x00\x07',
    '\x62\x02\x00\x07',
    '\x70\x02\x00\x07',
    '\x82\x06\x00\x01\x00\x01#\x00',
    '\xc0\x00',
    '\x03\x23\x00\x01',
    '\x80\x80\x80\x01',
    '\xff\xff\xff\x7f',
  ],
}

/** Integers' ends, for any binary protocol. */
const INTEGERS = ['\x00', '\xff', '\x00\x00\x00\x00', '\xff\xff\xff\xff', '\x7f\xff\xff\xff']
const WORDS_MAX = 500
/** Of a message, where its header is. */
const HEAD_OCTETS = [2, 4, 8, 16]
const TOKEN = /[!-~]{3,24}/g

/** Beginnings of messages and runs of printable octets. */
function wordsIn({ sends }: Conversation): string[] {
  return sends.flatMap(({ octets }) => {
    const text = Buffer.from(octets.subarray(0, 512)).toString('latin1')
    return [...HEAD_OCTETS.map((length) => text.slice(0, length)), ...(text.match(TOKEN) ?? [])]
  })
}

export function wordsOf(target: string, seeds: readonly Conversation[]): readonly Uint8Array[] {
  const found = new Set([...(GRAMMAR[target] ?? []), ...INTEGERS])
  for (const word of seeds.flatMap(wordsIn)) if (found.size < WORDS_MAX) found.add(word)
  found.delete('')
  return [...found].map(fromLatin1)
}
