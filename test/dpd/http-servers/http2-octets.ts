/** Requests of HTTP/2 with what recipients may take for another request, or for none. */
import { fromLatin1 } from '../../../src/core/bytes.js'
import {
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  WITH_PRIORITY,
} from '../../../src/dpd/dpi/http2/frame.js'
import { PREFACE } from '../../../src/dpd/dpi/http2/probe.js'
import type { Random } from '../../fuzz/random.js'
import { HOSTS, METHODS, TARGETS } from './http1-words.js'
import { encoded, type Field } from './http2-block.js'
import { be, frame } from './http2-frame.js'

interface Draft {
  fields: Field[]
  stream: number
  data: number[][]
  trailers: Field[] | null
  /** Cut into frames, with what goes between. */
  pieces: number
  between: number[]
  padding: number
  /** More than there is room for. */
  overPadded: boolean
  priority: boolean
  isOdd: boolean
  after: number[]
  readonly path: string
}

type Mutation = (draft: Draft, random: Random) => void

export function http2Octets(random: Random): string {
  const settings =
    random.below(4) === 0 ? [...be(1, 2), ...be(random.pick([0, 100, 4_096, 65_536]), 4)] : []
  const octets = [...fromLatin1(PREFACE), ...frame(SETTINGS, 0, 0, settings)]
  const requests = 1 + random.below(3)
  for (let i = 0; i < requests; i++) {
    const draft = plain(random, `/r${i}`, 2 * i + 1)
    let mutations = random.pick([0, 1, 1, 1, 2, 2])
    while (mutations-- > 0) random.pick(MUTATIONS)(draft, random)
    octets.push(...written(draft, random))
  }
  return String.fromCharCode(...octets)
}

/** The upgraded connection's preface, behind the request that asked for it (RFC 7540 §3.2). */
export function upgradedOctets(random: Random): string {
  const body = random.pick(['', '', 'x=1'])
  const more = random.pick(['', '', 'Connection: close\r\n', 'Expect: 100-continue\r\n'])
  const length = body === '' ? '' : `Content-Length: ${body.length}\r\n`
  const settings = random.pick(['AAMAAABkAAQAAP__', 'AAMAAABkAAQAAP__', '', 'AAEAAAAA', '!'])
  const connection = random.pick([
    'Upgrade, HTTP2-Settings',
    'Upgrade',
    'upgrade, http2-settings',
    'close',
  ])
  const protocol = random.pick(['h2c', 'h2c', 'h2c', 'H2C', 'x, h2c', 'h2c, websocket', 'h2'])
  return (
    `GET /r9 HTTP/1.1\r\nHost: a.example\r\nConnection: ${connection}\r\nUpgrade: ${protocol}\r\n` +
    `HTTP2-Settings: ${settings}\r\n${more}${length}\r\n${body}${http2Octets(random)}`
  )
}

function plain(random: Random, path: string, stream: number): Draft {
  const draft: Draft = {
    fields: [
      [':method', random.pick(['GET', 'GET', 'POST', 'HEAD'])],
      [':scheme', 'http'],
      [':path', path],
      [':authority', 'a.example'],
    ],
    ...{ stream, data: [], trailers: null, pieces: 1, between: [], padding: -1, overPadded: false },
    ...{ priority: random.below(6) === 0, isOdd: false, after: [], path },
  }
  if (random.below(3) === 0) draft.data = [[...fromLatin1(random.pick(['x', 'x=1', '']))]]
  return draft
}

function written(draft: Draft, random: Random): number[] {
  const { stream, data, trailers } = draft
  const ends = data.length === 0 && trailers === null
  const octets = blockFrames(draft, draft.fields, ends, random)
  data.forEach((payload, i) => {
    const isLast = i === data.length - 1 && trailers === null
    octets.push(...frame(DATA, isLast ? END_STREAM : 0, stream, payload))
  })
  if (trailers !== null) {
    const block = encoded(trailers, random, draft.isOdd)
    octets.push(...frame(HEADERS, END_HEADERS | END_STREAM, stream, block))
  }
  return [...octets, ...draft.after]
}

function blockFrames(
  draft: Draft,
  fields: readonly Field[],
  ends: boolean,
  random: Random,
): number[] {
  const { stream, pieces, padding, priority } = draft
  const block = encoded(fields, random, draft.isOdd)
  const size = Math.ceil(block.length / pieces)
  const flags =
    (ends ? END_STREAM : 0) |
    (pieces === 1 ? END_HEADERS : 0) |
    (padding >= 0 ? PADDED : 0) |
    (priority ? WITH_PRIORITY : 0)
  const first = [
    ...(padding >= 0 ? [draft.overPadded ? 255 : padding] : []),
    ...(priority ? [...be(random.pick([0, 1, stream, 0x80000003]), 4), 15] : []),
    ...block.slice(0, size),
    ...new Array<number>(Math.max(padding, 0)).fill(0),
  ]
  const octets = frame(HEADERS, flags, stream, first)
  for (let i = 1; i < pieces; i++) {
    const isLast = i === pieces - 1
    const part = isLast ? block.slice(i * size) : block.slice(i * size, (i + 1) * size)
    octets.push(...draft.between, ...frame(CONTINUATION, isLast ? END_HEADERS : 0, stream, part))
  }
  return octets
}

const set =
  (name: string, ...values: readonly string[]): Mutation =>
  (draft, random) => {
    const value = random.pick(values).replaceAll('@', draft.path)
    draft.fields = draft.fields.map((field) => (field[0] === name ? [name, value] : field))
  }

const add =
  (...fields: readonly Field[]): Mutation =>
  (draft, random) => {
    const at = random.pick([draft.fields.length, draft.fields.length, 0, 2])
    draft.fields.splice(at, 0, random.pick(fields))
  }

const MUTATIONS: readonly Mutation[] = [
  set(':path', ...TARGETS),
  set(':path', ...TARGETS),
  set(':method', ...METHODS),
  set(':scheme', 'https', '', 'ftp', 'HTTP', 'x y', 'http://a/admin?', 'http\0'),
  set(':authority', ...HOSTS.map((line) => line.replace(/^[^:]*:[ \t]*/, ''))),
  add(['host', 'a.example'], ['host', 'other.example'], ['host', ''], ['Host', 'other.example']),
  add(
    [':authority', 'other.example'],
    [':path', '/other'],
    [':method', 'PUT'],
    [':scheme', 'http'],
  ),
  add(
    [':status', '200'],
    [':x', 'y'],
    [':', 'y'],
    [':protocol', 'websocket'],
    ['', 'y'],
    [':Path', '/other'],
  ),
  add(
    ['x', 'y\0'],
    ['x', 'y\r\nhost: other'],
    ['x', 'y\n'],
    ['x', ' y'],
    ['x', 'y '],
    ['x', '\x7f'],
    ['x', '\xff'],
  ),
  add(
    ['X', 'y'],
    ['x y', 'z'],
    ['x:', 'z'],
    ['x\0', 'z'],
    ['x\r\nhost', 'other'],
    ['(x)', 'y'],
    ['x\xff', 'y'],
  ),
  add(
    ['connection', 'close'],
    ['te', 'trailers'],
    ['te', 'gzip'],
    ['transfer-encoding', 'chunked'],
    ['upgrade', 'h2c'],
    ['keep-alive', '1'],
    ['proxy-connection', 'x'],
  ),
  add(
    ['content-length', '0'],
    ['content-length', '1'],
    ['content-length', '3'],
    ['content-length', '+1'],
    ['content-length', '01'],
    ['content-length', '1, 1'],
    ['content-length', ''],
    ['content-length', '18446744073709551617'],
    ['content-length', '-1'],
  ),
  add(['content-length', '1'], ['content-length', '3']),
  add(['cookie', 'a=1'], ['expect', '100-continue'], ['x', 'y'.repeat(2_000)]),
  (draft, random) => {
    const at = random.below(draft.fields.length)
    draft.fields.splice(at, 1)
  },
  (draft, random) => {
    const [moved] = draft.fields.splice(random.below(draft.fields.length), 1)
    if (moved !== undefined) draft.fields.push(['x', 'y'], moved)
  },
  (draft) => {
    draft.fields.push(...draft.fields)
  },
  (draft) => {
    draft.fields.reverse()
  },
  (draft) => {
    draft.isOdd = true
  },
  (draft) => {
    draft.isOdd = true
  },
  (draft, random) => {
    draft.pieces = random.pick([2, 3, 5, 40])
    const { stream } = draft
    draft.between = random.pick([
      [],
      [],
      frame(CONTINUATION, 0, stream, []),
      frame(CONTINUATION, 0, stream + 2, []),
      frame(PING, 0, 0, be(0, 8)),
      frame(RST_STREAM, 0, stream, be(8, 4)),
      frame(0x20, 0, stream, [1]),
      frame(DATA, 0, stream, [1]),
      frame(SETTINGS, 0, 0, []),
    ])
  },
  (draft, random) => {
    draft.padding = random.pick([0, 1, 10, 255])
    draft.overPadded = random.below(3) === 0
  },
  (draft, random) => {
    draft.stream = random.pick([0, 1, 2, 3, 7, draft.stream, 0x7fffffff, 0x80000000 + draft.stream])
  },
  (draft, random) => {
    draft.data = random.pick([
      [[]],
      [[0x78], [0x79]],
      [[0x78, 0x3d, 0x31], []],
      [[...fromLatin1('GET /smuggled HTTP/1.1\r\nHost: other\r\n\r\n')]],
    ])
  },
  (draft, random) => {
    draft.trailers = random.pick<Field[]>([
      [['x', 'y']],
      [],
      [[':path', '/other']],
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/other'],
        [':authority', 'other'],
      ],
      [['content-length', '5']],
      [['host', 'other']],
    ])
  },
  (draft, random) => {
    const { stream } = draft
    draft.after = random.pick([
      frame(RST_STREAM, 0, stream, be(8, 4)),
      frame(WINDOW_UPDATE, 0, stream, be(0, 4)),
      frame(WINDOW_UPDATE, 0, 0, be(0x7fffffff, 4)),
      frame(PRIORITY, 0, stream + 2, [...be(stream, 4), 1]),
      frame(PRIORITY, 0, stream + 2, [...be(stream + 2, 4), 1]),
      frame(PING, 0, 0, be(0, 8)),
      frame(PING, 0, 0, be(0, 7)),
      frame(SETTINGS, 0, 0, [...be(1, 2), ...be(0, 4)]),
      frame(SETTINGS, 0, 0, [...be(5, 2), ...be(1, 4)]),
      frame(SETTINGS, 1, 0, []),
      frame(GOAWAY, 0, 0, be(0, 8)),
      frame(PUSH_PROMISE, END_HEADERS, stream, [...be(2, 4), 0x82, 0x86, 0x84]),
      frame(HEADERS, END_HEADERS | END_STREAM, stream, [0x82, 0x86, 0x84, 0x41, 1, 0x61]),
      frame(HEADERS, END_HEADERS | END_STREAM, stream + 1, [0x82, 0x86, 0x84, 0x41, 1, 0x61]),
      frame(CONTINUATION, END_HEADERS, stream, [0x82]),
      frame(0x20, 0xff, stream, [1, 2, 3]),
      frame(DATA, 0, stream, [0x78]),
      frame(DATA, END_STREAM, stream + 20, [0x78]),
      [...fromLatin1('GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n')],
    ])
  },
]
