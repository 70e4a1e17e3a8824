/** The line that each side begins with (RFC 4253 §4.2). */
import { latin1 } from '../../../core/bytes.js'

/** With its CR LF. */
export const IDENTIFICATION_OCTETS = 255
/** Of a line before the server's identification; OpenSSH's client reads no longer ones. */
const OTHER_LINE_OCTETS = 8_192
export const IDENTIFICATION_START = 'SSH-'
const LF = 0x0a

export interface Identification {
  /** '2.0', '1.99', or that of an older protocol. */
  readonly version: string
  readonly software: string
  readonly comment: string
}

export type LineRead =
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly clause: string }
  /** A server's line before its identification. */
  | { readonly kind: 'other'; readonly octets: number }
  | {
      readonly kind: 'identification'
      readonly octets: number
      readonly identification: Identification
    }

const MALFORMED = { kind: 'malformed', clause: 'RFC 4253 §4.2 identification' } as const

export function readLine(input: Uint8Array): LineRead {
  const start = latin1(input, 0, IDENTIFICATION_START.length)
  const isOther = !IDENTIFICATION_START.startsWith(start)
  const limit =
    isOther || start.length < IDENTIFICATION_START.length
      ? OTHER_LINE_OCTETS
      : IDENTIFICATION_OCTETS
  const end = input.subarray(0, limit).indexOf(LF) + 1
  if (end === 0 && input.length < limit) return { kind: 'more' }
  if (end === 0)
    return { kind: 'malformed', clause: `RFC 4253 §4.2 line of more than ${limit} octets` }
  if (start !== IDENTIFICATION_START) return { kind: 'other', octets: end }
  // CR is wanted, but servers of old send LF alone, and clients take it.
  const identification = readIdentification(latin1(input, 0, end).replace(/\r?\n$/, ''))
  return identification === null
    ? MALFORMED
    : { kind: 'identification', octets: end, identification }
}

/** `SSH-protoversion-softwareversion SP comments`; software names with a minus sign are about. */
function readIdentification(line: string): Identification | null {
  const [, version, software, comment] =
    /^SSH-(\d{1,3}\.\d{1,3})-([\x21-\x7e]*)(?: ([^\0\r\n]*))?$/.exec(line) ?? []
  if (version === undefined || software === undefined) return null
  return { version, software, comment: comment ?? '' }
}
