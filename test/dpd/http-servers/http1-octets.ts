/** Pipelines of HTTP/1 requests, most of them with one thing or two that recipients may read differently. */
import type { Random } from '../../fuzz/random.js'
import { type Draft, FRAMING, type Mutation, SIZES } from './http1-framing.js'
import { HOSTS, METHODS, TARGETS, VERSIONS } from './http1-words.js'

/** What a request in another's content looks like. */
const inner = (path: string) => `GET ${path} HTTP/1.1\r\nHost: inner\r\n\r\n`

export function http1Octets(random: Random): string {
  const requests = 1 + random.below(3)
  let octets = ''
  for (let i = 0; i < requests; i++) {
    const draft = plain(random, `/r${i}`)
    let mutations = random.pick([0, 1, 1, 1, 2, 2, 3])
    while (mutations-- > 0) random.pick(MUTATIONS)(draft, random)
    octets += written(draft)
  }
  return octets + random.pick(['', '', '', inner('/last'), '\r\n', 'GET /half HTTP/1.1\r\nHost: a'])
}

function plain(random: Random, path: string): Draft {
  const draft: Draft = {
    before: '',
    method: random.pick(['GET', 'GET', 'POST', 'PUT', 'HEAD']),
    afterMethod: ' ',
    target: path,
    afterTarget: ' ',
    version: 'HTTP/1.1',
    lineEnd: '\r\n',
    fields: ['Host: a.example'],
    headEnd: '\r\n',
    body: '',
    path,
  }
  if (draft.method === 'POST' || draft.method === 'PUT' || random.below(8) === 0) {
    random.pick([withLength, withLength, withChunks])(draft, random)
  }
  return draft
}

const written = (draft: Draft): string =>
  draft.before +
  draft.method +
  draft.afterMethod +
  draft.target +
  draft.afterTarget +
  draft.version +
  draft.lineEnd +
  draft.fields.map((field) => field + (field.endsWith('\n') ? '' : '\r\n')).join('') +
  draft.headEnd +
  draft.body

function withLength(draft: Draft, random: Random): void {
  draft.body = random.pick(['', 'x', 'x=1&y=2', inner(`${draft.path}/content`), '0\r\n\r\n'])
  draft.fields.push(`Content-Length: ${draft.body.length}`)
}

function withChunks(draft: Draft, random: Random): void {
  const data = random.pick(['x', 'hello, world', inner(`${draft.path}/chunk`)])
  const size = data.length.toString(16)
  draft.fields.push('Transfer-Encoding: chunked')
  draft.body = `${size}\r\n${data}\r\n0\r\n\r\n`
}

const field =
  (...lines: readonly string[]): Mutation =>
  (draft, random) => {
    const line = random.pick(lines)
    if (random.below(2) === 0) draft.fields.push(line)
    else draft.fields.unshift(line)
  }

/** Another spelling of what stands there. */
function respell(name: RegExp, spellings: readonly ((line: string) => string)[]): Mutation {
  return (draft, random) => {
    const at = draft.fields.findIndex((line) => name.test(line))
    const line = draft.fields[at]
    if (line !== undefined) draft.fields[at] = random.pick(spellings)(line)
  }
}

const MUTATIONS: readonly Mutation[] = [
  withLength,
  withChunks,
  respell(/^content-length/i, FRAMING),
  respell(/^transfer-encoding/i, FRAMING),
  respell(/^(?:content-length|transfer-encoding)/i, FRAMING),
  (draft, random) => random.pick(SIZES)(draft, random),
  (draft, random) => random.pick(SIZES)(draft, random),
  field('Content-Length: 0', 'Content-Length: 1', 'Content-Length: 5', 'Content-Length:'),
  field(
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding:',
    'Transfer-Encoding: xchunked',
    'TE: chunked',
    'Transfer-Encoding : chunked',
    'Transfer_Encoding: chunked',
    'Transfer-Encoding: chunked, chunked',
  ),
  (draft, random) => {
    draft.target = random.pick(TARGETS).replaceAll('@', draft.path)
  },
  (draft, random) => {
    draft.target = random.pick(TARGETS).replaceAll('@', draft.path)
  },
  (draft, random) => {
    draft.fields = draft.fields.filter((line) => !/^host/i.test(line))
    const host = random.pick(HOSTS)
    if (host !== '') draft.fields.splice(random.below(2), 0, ...host.split('|'))
  },
  (draft, random) => {
    draft.method = random.pick(METHODS)
  },
  (draft, random) => {
    draft.version = random.pick(VERSIONS)
    if (draft.version === '') draft.afterTarget = random.pick(['', ' '])
  },
  (draft, random) => {
    draft.before = random.pick([
      '\r\n',
      '\r\n\r\n',
      '\n',
      '\r',
      ' ',
      '\t',
      '\0',
      '\r\n\r\n\r\n',
      'x',
      '\r\n ',
      '\x0b',
      '\x1f',
      '\xa0',
      '\r\n'.repeat(400),
      '\n'.repeat(600),
    ])
  },
  (draft, random) => {
    draft.afterMethod = random.pick([
      '  ',
      '\t',
      ' \t',
      '\x0b',
      '\x0c',
      '\r',
      '',
      '\0',
      '\x1c',
      '\x85',
      '\xa0',
    ])
  },
  (draft, random) => {
    draft.afterTarget = random.pick([
      '  ',
      '\t',
      ' \t',
      '\x0b',
      '\x0c',
      '\r',
      '',
      ' x ',
      '\0',
      ' HTTP/1.1 ',
    ])
  },
  (draft, random) => {
    draft.lineEnd = random.pick([
      '\n',
      '\r',
      ' \r\n',
      '\r\r\n',
      '\n\r\n',
      '\r\n ',
      '\r\n\t',
      '\t\r\n',
      '\0\r\n',
    ])
  },
  (draft, random) => {
    draft.headEnd = random.pick([
      '\n',
      '\r',
      '\r\r\n',
      ' \r\n',
      '\t\r\n',
      '\n\n',
      '',
      '\r\n\r\n',
      '\0\r\n',
    ])
  },
  field(
    'Expect: 100-continue',
    'Expect: x',
    'Connection: close',
    'Connection: keep-alive',
    'Connection: close, keep-alive',
    'Connection: Content-Length',
    'Connection: Transfer-Encoding',
    'Connection: Host',
    'Connection: upgrade\r\nUpgrade: websocket',
    'Upgrade: h2c',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__',
    'Upgrade: TLS/1.0\r\nConnection: Upgrade',
    'Keep-Alive: timeout=5',
  ),
  field(
    'X-HTTP-Method-Override: DELETE',
    'X-Original-URL: /other',
    'X-Rewrite-URL: /other',
    'X-Forwarded-Host: other',
    'Content-Encoding: chunked',
    ': x',
    'X',
    'X: \0',
    'X: \x7f',
    'X: \x80\xff',
    'X : y',
    'X: y\r\n folded: z',
    'X: y\n',
    'X: y\nHost: other',
    'X: y\rHost: other',
    'X: y\n\nGET /smuggled HTTP/1.1\r\nHost: other',
    'X: y\r\r\nHost: other',
    'X y: z',
    '(x): y',
    'X\0: y',
    `X: ${'y'.repeat(7_000)}`,
  ),
]
