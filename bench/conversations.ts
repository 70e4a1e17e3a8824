/** Conversations after which a connection stays open, and the rule that each is judged by. */
import { frames } from '../test/dpd/dpi/http2/frames.js'

export interface Said {
  readonly isReply: boolean
  readonly octets: Buffer
}

export interface Kind {
  /** Of the one rule, beside its peers; null = the pod is monitored, without a policy. */
  readonly rule: string | null
  readonly talk: readonly Said[]
  readonly version: 4 | 6
}

const asked = (text: string): Said => ({ isReply: false, octets: Buffer.from(text, 'latin1') })
const answered = (text: string): Said => ({ isReply: true, octets: Buffer.from(text, 'latin1') })

const UNKNOWN = '\x00\x01\x02 no parser knows this'
const get = (path: string): Said =>
  asked(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: probe\r\n\r\n`)
const OK = answered('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const ONE_GET = [get('/products/1'), OK]
const EIGHT_GETS = Array.from({ length: 8 }, (_, at) => [get(`/products/${at}`), OK]).flat()

const HTTP2 = [
  { isReply: false, octets: Buffer.from(frames('preface\nSETTINGS 0\n')) },
  { isReply: true, octets: Buffer.from(frames('SETTINGS 0\nSETTINGS 0 ack\n')) },
  {
    isReply: false,
    octets: Buffer.from(
      frames(
        `SETTINGS 0 ack\nHEADERS 1 end_stream end_headers | :method: GET | :scheme: http | +:path: /products/1 | +:authority: shop.example | +user-agent: probe\n`,
      ),
    ),
  },
  {
    isReply: true,
    octets: Buffer.from(
      frames('HEADERS 1 end_headers | :status: 200 | +server: probe\nDATA 1 end_stream | "ok"\n'),
    ),
  },
]

const REDIS = [asked('*2\r\n$3\r\nGET\r\n$6\r\ncart:1\r\n'), answered('$2\r\nok\r\n')]

/** A message of PostgreSQL's protocol, version 3: a letter, the length, the body. */
function message(type: string, body: string): string {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + length.length)
  return type + length.toString('latin1') + body
}
const STARTUP = message('', '\0\x03\0\0user\0shop\0database\0orders\0\0')
const POSTGRESQL = [
  asked(STARTUP),
  answered(message('R', '\0\0\0\0') + message('Z', 'I')),
  asked(message('Q', 'SELECT total FROM orders WHERE id = 1\0')),
  answered(message('C', 'SELECT 0\0') + message('Z', 'I')),
]

const tap = { rule: null, talk: [asked(UNKNOWN), answered(UNKNOWN)] }
const port = { rule: 'ports: [{ port: 7777 }]', talk: tap.talk }
const judged = 'http: [{ methods: [GET] }]'

export const KINDS: Readonly<Record<string, Kind>> = {
  'unknown, monitored': { ...tap, version: 4 },
  'unknown, monitored, IPv6': { ...tap, version: 6 },
  'decided by its port': { ...port, version: 4 },
  'decided by its port, IPv6': { ...port, version: 6 },
  'identified as HTTP': { rule: 'apps: [http]', talk: ONE_GET, version: 4 },
  'HTTP, each request judged': { rule: judged, talk: ONE_GET, version: 4 },
  'HTTP, each request judged, IPv6': { rule: judged, talk: ONE_GET, version: 6 },
  'HTTP, eight requests judged': { rule: judged, talk: EIGHT_GETS, version: 4 },
  'HTTP/2, each request judged': { rule: judged, talk: HTTP2, version: 4 },
  'Redis, each command judged': {
    ...{ rule: 'redis: [{ commands: [GET] }]', talk: REDIS, version: 4 },
  },
  'PostgreSQL, each statement judged': {
    ...{ rule: 'sql: [{ verbs: [SELECT] }]', talk: POSTGRESQL, version: 4 },
  },
}
