/** What a reply's header and trailers say (RFC 9113 §8.3.2). */
import type { Fields } from '../../../core/inspect/contract.js'
import { GRPC_STATUS, type HeaderField, PSEUDO_STATUS } from './hpack/field.js'

const STATUS = /^[1-9][0-9]{2}$/
const REPORTED: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'location',
  'server',
  'grpc-message',
])

/** null = no status, or more than one. What else is wrong with a reply hides no request. */
export function statusOf(list: readonly HeaderField[]): number | null {
  let status: string | undefined
  for (const { role, value } of list) {
    if (role !== PSEUDO_STATUS) continue
    if (status !== undefined) return null
    status = value
  }
  return status !== undefined && STATUS.test(status) ? Number(status) : null
}

/** Of trailers, or of a reply that is nothing else; undefined = none, or no number. */
export function grpcStatusOf(list: readonly HeaderField[]): number | undefined {
  const status = list.find(({ role }) => role === GRPC_STATUS)?.value ?? ''
  return /^[0-9]{1,9}$/.test(status) ? Number(status) : undefined
}

export function replyDetail(list: readonly HeaderField[]): Fields {
  const named: Record<string, string> = {}
  for (const { name, value } of list) if (REPORTED.has(name)) named[`reply.${name}`] = value
  return named
}
