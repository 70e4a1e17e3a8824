/** The server's leaf of a Certificate message in clear (RFC 5246 §7.4.2); the chain behind it is not read. */
import { Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import { certificateNames } from '../../../core/x509/names.js'
import { MESSAGE_HEADER_OCTETS, MESSAGE_OCTETS, readHandshake } from './record.js'

const CERTIFICATE = 11
/** The message's header, the list's length, the leaf's length. */
const LEAF_AT = MESSAGE_HEADER_OCTETS + 3 + 3

export type Leaf =
  | { readonly kind: 'need'; readonly octets: number }
  | { readonly kind: 'malformed'; readonly clause: string }
  /** A resumed session, or a cipher without certificates. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unread'; readonly certificate: 'too-large' | 'unreadable' }
  | { readonly kind: 'names'; readonly fields: Fields; readonly end: number }

export function readLeaf(input: Uint8Array, recordLeft: number): Leaf {
  const head = readHandshake(input, recordLeft, LEAF_AT)
  if (head.kind !== 'message') return head
  if (head.type !== CERTIFICATE) return { kind: 'none' }
  const reader = new Reader(head.body)
  reader.skip(3)
  const octets = reader.u24be()
  // An empty list: no certificate.
  if (reader.short) return { kind: 'none' }
  if (LEAF_AT + octets > MESSAGE_OCTETS) return { kind: 'unread', certificate: 'too-large' }
  const whole = readHandshake(input, recordLeft, LEAF_AT + octets)
  if (whole.kind !== 'message') return whole
  const names = certificateNames(whole.body.subarray(LEAF_AT - MESSAGE_HEADER_OCTETS))
  if (names === null) return { kind: 'unread', certificate: 'unreadable' }
  return { kind: 'names', fields: { certificateNames: names }, end: whole.end }
}
