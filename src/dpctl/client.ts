/** dpd's control socket: HTTP/1.1 and JSON; every answer is checked before anything reads it. */
import * as http from 'node:http'
import * as z from 'zod'
import { apiErrorSchema } from '../core/api/protocol.js'
import { Refused, Unreachable } from './exit-code.js'

const ANSWER_MS = 10_000

export interface Client {
  get<T>(path: string, schema: z.ZodType<T>): Promise<T>
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>
  /** Lines of JSON until dpd or the caller's signal ends them. */
  follow<T>(
    path: string,
    schema: z.ZodType<T>,
    onLine: (line: T) => void,
    signal: AbortSignal,
  ): Promise<void>
}

export function openClient(socketPath: string): Client {
  return {
    get: (path, schema) => exchange(socketPath, 'GET', path, null, schema),
    post: (path, body, schema) => exchange(socketPath, 'POST', path, body, schema),
    follow: (path, schema, onLine, signal) => follow(socketPath, path, schema, onLine, signal),
  }
}

function unreachable(socketPath: string, error: Error): Unreachable {
  return new Unreachable(
    `dpd does not answer on ${socketPath}: ${error.message}. Is it running (systemctl status dpd), and are you root?`,
  )
}

function decode<T>(text: string, schema: z.ZodType<T>, what: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Unreachable(`${what}: the answer is not JSON; is that dpd's socket?`)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const refusal = apiErrorSchema.safeParse(value)
  if (refusal.success) throw new Refused(refusal.data.error.code, refusal.data.error.message)
  throw new Unreachable(`${what}: dpd speaks another version: ${z.prettifyError(parsed.error)}`)
}

function exchange<T>(
  socketPath: string,
  method: string,
  path: string,
  body: unknown,
  schema: z.ZodType<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, timeout: ANSWER_MS }, (response) => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', (error) => reject(unreachable(socketPath, error)))
      response.on('end', () => {
        try {
          resolve(decode(text, schema, `${method} ${path}`))
        } catch (error) {
          reject(error)
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error(`no answer in ${ANSWER_MS} ms`)))
    request.on('error', (error) => reject(unreachable(socketPath, error)))
    if (body !== null) {
      request.setHeader('content-type', 'application/json')
      request.write(JSON.stringify(body))
    }
    request.end()
  })
}

function follow<T>(
  socketPath: string,
  path: string,
  schema: z.ZodType<T>,
  onLine: (line: T) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method: 'GET', path, signal }, (response) => {
      response.setEncoding('utf8')
      let rest = ''
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n')
        rest = lines.pop() ?? ''
        try {
          for (const line of lines) if (line !== '') onLine(decode(line, schema, `GET ${path}`))
        } catch (error) {
          request.destroy()
          reject(error)
        }
      })
      response.on('error', () => resolve())
      response.on('end', () => {
        if (response.statusCode === 200) return resolve()
        try {
          decode(rest, schema, `GET ${path}`)
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
    request.on('error', (error) =>
      signal.aborted ? resolve() : reject(unreachable(socketPath, error)),
    )
    request.end()
  })
}
