/** CRLF-terminated lines up to an empty one: a message head or a trailer section (RFC 9112 §2.1, §7.1.2). */
import { latin1 } from '../../../core/bytes.js'

const CR = 0x0d
const LF = 0x0a

export type LineScan =
  /** No empty line yet; go on from `resume` when more octets are there. */
  | { readonly kind: 'more'; readonly resume: number }
  | { readonly kind: 'malformed'; readonly clause: string }
  /** `end` is one past the empty line. */
  | { readonly kind: 'lines'; readonly lines: readonly string[]; readonly end: number }

/** `resume` is what the last scan of the same octets said, else `from`. */
export function scanLines(octets: Uint8Array, from: number, resume: number): LineScan {
  for (let at = Math.max(from, resume); at < octets.length; at++) {
    const octet = octets[at]
    const afterCr = at > from && octets[at - 1] === CR
    if (octet === LF) {
      // Recipients differ on a bare LF or CR, so neither is taken for a line's end.
      if (!afterCr) return { kind: 'malformed', clause: 'RFC 9112 §2.2 bare LF' }
      const empty = at - 1 === from || octets[at - 2] === LF
      if (empty) return { kind: 'lines', lines: split(octets, from, at - 1), end: at + 1 }
    } else if (afterCr) {
      return { kind: 'malformed', clause: 'RFC 9112 §2.2 bare CR' }
    } else if (octet === 0) {
      return { kind: 'malformed', clause: 'RFC 9110 §5.5 NUL' }
    }
  }
  return { kind: 'more', resume: octets.length }
}

function split(octets: Uint8Array, from: number, to: number): readonly string[] {
  return to === from ? [] : latin1(octets, from, to - 2).split('\r\n')
}
