import type { Fields } from '../../../core/inspect/contract.js'
import { type FieldLines, listOf, parseFieldLines } from './fields.js'
import { type Body, replyBody } from './framing.js'

/** The space before an absent reason phrase is left out by servers in use; it frames nothing. */
const STATUS_LINE = /^HTTP\/1\.(\d) (\d{3})(?: .*)?$/
const REPORTED = [
  'content-type',
  'content-length',
  'location',
  'server',
  'upgrade',
  'sec-websocket-protocol',
] as const

export interface Reply {
  readonly status: number
  readonly body: Body
  /** No other reply follows (RFC 9112 §9.6). */
  readonly closes: boolean
  /** Of 101: the protocol that follows, lower case; null where it names none, or several. */
  readonly protocol: string | null
  readonly fields: Fields
  readonly detail: () => Fields
}
export type ReplyOrClause = Reply | { readonly clause: string }

/** Whether a body follows is the request's to say. */
export function parseReply(
  lines: readonly string[],
  toHead: boolean,
  toConnect: boolean,
): ReplyOrClause {
  const [, minor, code] = STATUS_LINE.exec(lines[0] ?? '') ?? []
  const status = Number(code ?? 0)
  if (status < 100) return { clause: 'RFC 9112 §4 status-line' }
  const parsed = parseFieldLines(lines.slice(1))
  if ('clause' in parsed) return parsed
  const body = replyBody(parsed.fields, status, toHead, toConnect)
  if (body.kind === 'malformed') return body
  const protocols = status === 101 ? listOf(parsed.fields, 'upgrade') : []
  const protocol = protocols.length === 1 ? (protocols[0] ?? null) : null
  const options = listOf(parsed.fields, 'connection')
  const closes = options.includes('close') || (minor === '0' && !options.includes('keep-alive'))
  return {
    status,
    body,
    closes,
    protocol,
    fields: { status },
    detail: () => reported(parsed.fields),
  }
}

function reported(fields: FieldLines): Fields {
  const named: Record<string, string> = {}
  for (const name of REPORTED) {
    const values = fields.get(name)
    if (values !== undefined) named[`reply.${name}`] = values.join(', ')
  }
  return named
}
