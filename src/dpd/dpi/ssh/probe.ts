import { latin1 } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'

/** Lines of a server before its identification. */
export const PROBE_OCTETS = 1_024
const START = /^SSH-(?:2\.0|1\.\d{1,2})-/
/** Each proper beginning of what START matches. */
const PARTIAL = /^(?:S|SS|SSH|SSH-|SSH-[12]|SSH-2\.|SSH-2\.0|SSH-1\.\d{0,2})$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: what no line of text has
const NOT_TEXT = /[\0-\x08\x0e-\x1a\x1c-\x1f]/

/** Of FTP, SMTP and NNTP: a server of SSH that says so would keep all their clients waiting. */
const REPLY_CODE = /^[1-5]\d\d[ -]/

/** Either side may speak first; a client has no other lines before its identification (RFC 4253 §4.2). */
export function probeSsh({
  orig,
  reply,
}: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' | 'more' {
  if (orig.length > 0) {
    const start = latin1(orig, 0, 9)
    return START.test(start) ? 'yes' : PARTIAL.test(start) ? 'more' : 'no'
  }
  const head = latin1(reply, 0, PROBE_OCTETS)
  const line = head.startsWith('SSH-') ? 0 : head.indexOf('\nSSH-') + 1
  if (REPLY_CODE.test(head)) return 'no'
  // Behind the identification come packets at once.
  if (line === 0 && !head.startsWith('SSH-')) return NOT_TEXT.test(head) ? 'no' : 'more'
  const start = head.slice(line, line + 9)
  if (NOT_TEXT.test(head.slice(0, line))) return 'no'
  return START.test(start) ? 'yes' : PARTIAL.test(start) ? 'more' : 'no'
}
