/**
 * HTTP/1.1 and JSON over a Unix socket. A route is a method, a pattern of path segments and a
 * handler; whatever a client sends, it gets a JSON answer, and only its own connection suffers.
 */
import * as http from 'node:http'
import { API_BODY_MAX_OCTETS, API_PROTOCOL, ApiRefusal } from '../../core/api/protocol.js'

export interface Request {
  /** The segments that `:name` stood for, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown
}

export type Answer =
  | { readonly kind: 'json'; readonly status: number; readonly body: object }
  | { readonly kind: 'text'; readonly contentType: string; readonly text: string }
  /** Lines of JSON; `start` gets a writer and returns what ends the stream. */
  | { readonly kind: 'stream'; readonly start: (write: (line: object) => void) => () => void }

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** `/v1/flows/:flow/why` */
  readonly path: string
  readonly handle: (request: Request) => Answer | Promise<Answer>
}

export function json(body: object, status = 200): Answer {
  return { kind: 'json', status, body: { protocol: API_PROTOCOL, ...body } }
}

/** A follower that does not read is cut off here rather than buffered for. */
const STREAM_BACKLOG_OCTETS = 4 * 1024 * 1024

export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, segment] of wanted.entries()) {
    const value = given[i] ?? ''
    if (!segment.startsWith(':')) {
      if (segment !== value) return null
    } else if (value === '') return null
    else params[segment.slice(1)] = decodeSegment(value)
  }
  return params
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiRefusal(
      400,
      'bad-path',
      `path segment ${JSON.stringify(segment)}: not percent-encoded UTF-8`,
    )
  }
}

async function readBody(message: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let octets = 0
  for await (const chunk of message as AsyncIterable<Buffer>) {
    octets += chunk.length
    if (octets > API_BODY_MAX_OCTETS) {
      throw new ApiRefusal(413, 'too-large', `body: more than ${API_BODY_MAX_OCTETS} octets`)
    }
    chunks.push(chunk)
  }
  if (octets === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new ApiRefusal(400, 'bad-json', `body: ${(error as Error).message}`)
  }
}

async function dispatch(routes: readonly Route[], message: http.IncomingMessage): Promise<Answer> {
  const target = message.url ?? '/'
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
  const allowed: string[] = []
  for (const route of routes) {
    const params = matchPath(route.path, path)
    if (params === null) continue
    if (route.method === message.method) {
      return await route.handle({ params, query, body: await readBody(message) })
    }
    allowed.push(route.method)
  }
  if (allowed.length > 0) {
    throw new ApiRefusal(
      405,
      'method',
      `${path}: ${message.method ?? '?'}: use ${allowed.join(' or ')}`,
    )
  }
  throw new ApiRefusal(404, 'no-such-path', `${path.slice(0, 200)}: no such path; see /v1/status`)
}

function failure(error: unknown): Answer {
  const refusal =
    error instanceof ApiRefusal
      ? error
      : new ApiRefusal(500, 'internal', String(error).slice(0, 500))
  return json({ error: { code: refusal.code, message: refusal.message } }, refusal.status)
}

function send(response: http.ServerResponse, answer: Answer): void {
  if (answer.kind === 'stream') {
    sendStream(response, answer.start)
    return
  }
  const isJson = answer.kind === 'json'
  const text = isJson ? `${JSON.stringify(answer.body)}\n` : answer.text
  response.writeHead(isJson ? answer.status : 200, {
    'content-type': isJson ? 'application/json' : answer.contentType,
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

function sendStream(
  response: http.ServerResponse,
  start: (write: (line: object) => void) => () => void,
): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const stop = start((line) => {
    if (response.writableLength > STREAM_BACKLOG_OCTETS) response.destroy()
    else response.write(`${JSON.stringify(line)}\n`)
  })
  response.on('close', stop)
}

/** `onFault`: for errors that are ours. */
export function createServer(
  routes: readonly Route[],
  onFault: (message: string) => void,
): http.Server {
  const server = http.createServer(
    { requestTimeout: 10_000, maxHeaderSize: 8192 },
    (message, response) => {
      response.on('error', () => undefined)
      dispatch(routes, message)
        .catch((error: unknown) => {
          if (!(error instanceof ApiRefusal)) {
            onFault(
              `${message.method ?? '?'} ${message.url ?? '?'}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
            )
          }
          // The rest of a body that was refused half-read must not be taken for the next request.
          if (!message.complete) response.shouldKeepAlive = false
          return failure(error)
        })
        .then((answer) => send(response, answer))
        .catch((error: unknown) => {
          onFault(`answering ${message.url ?? '?'}: ${String(error)}`)
          response.destroy()
        })
    },
  )
  server.maxConnections = 256
  server.on('clientError', (error, socket) => {
    if (!socket.writable) return
    const text = JSON.stringify({
      protocol: API_PROTOCOL,
      error: { code: 'bad-http', message: `not HTTP/1.1: ${error.message}` },
    })
    socket.end(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
    )
  })
  return server
}
