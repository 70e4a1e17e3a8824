/** What a request's header says (RFC 9113 §8.3.1), and whether all recipients read it so (§8.1.1, §8.2). */
import type { Fields } from '../../../core/inspect/contract.js'
import { isToken } from '../http/fields.js'
import { hostOf, isAuthority, parseTarget } from '../http/target.js'
import { isGrpcType, nameProcedure } from './grpc.js'
import {
  CONTENT_LENGTH,
  CONTENT_TYPE,
  type HeaderField,
  HOST,
  OF_CONNECTION,
  PSEUDO_AUTHORITY,
  PSEUDO_METHOD,
  PSEUDO_PATH,
  PSEUDO_PROTOCOL,
  PSEUDO_SCHEME,
  TE,
} from './hpack/field.js'

/** RFC 3986 §3.1. */
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/

export interface Request {
  readonly fields: Fields
  readonly isGrpc: boolean
  /** -1 = not said. */
  readonly contentOctets: number
}

/** As sent. */
interface Draft {
  /** By role. */
  readonly pseudo: (string | undefined)[]
  host: string | undefined
  hosts: number
  contentOctets: number
  isGrpc: boolean
  isMalformed: boolean
}

/** A malformed request keeps its fields, for events; no rule allows it. */
export function readRequest(
  list: readonly HeaderField[],
  endStream: boolean,
  extendedConnect: boolean,
): Request {
  const draft = gather(list)
  if (endStream && draft.contentOctets > 0) draft.isMalformed = true
  const { isGrpc, contentOctets } = draft
  const fields = requestFields(draft, extendedConnect)
  return { fields, isGrpc, contentOctets }
}

function gather(list: readonly HeaderField[]): Draft {
  const draft: Draft = {
    pseudo: [],
    host: undefined,
    hosts: 0,
    contentOctets: -1,
    isGrpc: false,
    isMalformed: false,
  }
  let isRegular = false
  for (const field of list) {
    if (field.isMalformed || (isRegular && field.isPseudo)) draft.isMalformed = true
    if (!field.isPseudo) {
      isRegular = true
      if (field.role !== 0) take(draft, field)
    } else if (field.role > PSEUDO_PROTOCOL || draft.pseudo[field.role] !== undefined) {
      draft.isMalformed = true
    } else {
      draft.pseudo[field.role] = field.value
    }
  }
  return draft
}

function take(draft: Draft, { role, value }: HeaderField): void {
  if (role === HOST) {
    draft.hosts++
    draft.host ??= value
  } else if (role === CONTENT_LENGTH) {
    const octets = /^[0-9]{1,15}$/.test(value) ? Number(value) : -1
    const isOther = draft.contentOctets >= 0 && draft.contentOctets !== octets
    if (octets < 0 || isOther) draft.isMalformed = true
    draft.contentOctets = octets
  } else if (role === CONTENT_TYPE) {
    draft.isGrpc ||= isGrpcType(value)
  } else if (role === OF_CONNECTION || (role === TE && value.toLowerCase() !== 'trailers')) {
    draft.isMalformed = true
  }
}

function requestFields(draft: Draft, extendedConnect: boolean): Fields {
  const { pseudo } = draft
  const method = pseudo[PSEUDO_METHOD]
  const path = pseudo[PSEUDO_PATH]
  const protocol = pseudo[PSEUDO_PROTOCOL]
  const isTunnel = method === 'CONNECT' && protocol === undefined
  const fields: Record<string, string | boolean | readonly string[]> = { version: 'HTTP/2' }
  const ambiguous: string[] = []
  if (method === undefined || !isToken(method)) draft.isMalformed = true
  if (method !== undefined) fields.method = method
  if (protocol !== undefined) {
    fields.protocol = protocol
    if (method !== 'CONNECT' || !extendedConnect) draft.isMalformed = true
  }
  if (isTunnel ? !isTunnelHeader(pseudo) : !namePath(method, path, fields)) draft.isMalformed = true
  if (!isTunnel && !SCHEME.test(pseudo[PSEUDO_SCHEME] ?? '')) draft.isMalformed = true
  // HAProxy writes one URL of scheme, authority and path, and looks for its path there.
  if (!isAuthority(pseudo[PSEUDO_AUTHORITY] ?? '') || !isAuthority(draft.host ?? '')) {
    draft.isMalformed = true
  }
  if (!nameHost(draft, fields)) ambiguous.push('host')
  if (draft.isGrpc && !nameProcedure(path, fields)) ambiguous.push('grpcService', 'grpcMethod')
  if (ambiguous.length > 0) fields.ambiguous = ambiguous
  if (draft.isMalformed) fields.malformed = true
  return fields
}

/** RFC 9113 §8.5. */
function isTunnelHeader(pseudo: Draft['pseudo']): boolean {
  const absent = pseudo[PSEUDO_SCHEME] === undefined && pseudo[PSEUDO_PATH] === undefined
  return absent && parseTarget('CONNECT', pseudo[PSEUDO_AUTHORITY] ?? '') !== null
}

/** False for what no :path may be: it is origin-form, or `*`. */
function namePath(
  method: string | undefined,
  path: string | undefined,
  fields: Record<string, unknown>,
): boolean {
  if (path === undefined) return false
  fields.target = path
  const isOfPath = path.startsWith('/') || (path === '*' && method === 'OPTIONS')
  const target = isOfPath ? parseTarget(method === 'CONNECT' ? 'GET' : (method ?? ''), path) : null
  if (target?.path !== undefined) fields.path = target.path
  return target !== null
}

/**
 * False where recipients may take different ones: some look at Host though :authority precedes it
 * (RFC 9113 §8.3.1), so the two must agree.
 */
function nameHost({ pseudo, host, hosts }: Draft, fields: Record<string, unknown>): boolean {
  const authority = pseudo[PSEUDO_AUTHORITY]
  const wanted = authority === undefined ? undefined : hostOf(authority)
  const named = host === undefined ? undefined : hostOf(host)
  const taken = wanted ?? named
  if (typeof taken === 'string') fields.host = taken
  if (hosts > 1 || wanted === null || named === null || taken === undefined) return false
  return wanted === undefined || named === undefined || wanted === named
}

/** Crumbs of one cookie are one field again (RFC 9113 §8.2.3). */
export function headerDetail(list: readonly HeaderField[]): Fields {
  const named: Record<string, string | boolean> = {}
  for (const { name, value, isPseudo } of list) {
    if (isPseudo) continue
    const key = `header.${name}`
    const before = named[key]
    if (before === value) continue
    // Which of several a server takes is its own affair.
    if (before !== undefined && name !== 'cookie') named[`ambiguousHeader.${name}`] = true
    const separator = name === 'cookie' ? '; ' : ', '
    named[key] = before === undefined ? value : `${before}${separator}${value}`
  }
  return named
}
