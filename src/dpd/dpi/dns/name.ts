/** Domain names on the wire (RFC 1035 §3.1, §4.1.4). */
import { latin1, Reader } from '../../../core/bytes.js'

const NAME_OCTETS = 255
const POINTER = 0xc0
const HEADER_OCTETS = 12
const ROOT = '.'
const DOT = 0x2e
const BACKSLASH = 0x5c
const DIGIT_0 = 0x30
/** Where the text of one name is put together: no octet of it takes more than an escape's four. */
const TEXT = new Uint8Array(4 * NAME_OCTETS)

/**
 * Reads the name at `reader`, which runs over the whole message; null = malformed. Lower case, no final
 * dot, root is '.'. Each pointer must lead before the labels that it ends, so that no chain of them loops.
 */
export function readName(message: Uint8Array, reader: Reader): string | null {
  let written = 0
  let source = reader
  let from = reader.at
  let octets = 1
  for (;;) {
    const length = source.u8()
    if (source.short) return null
    if (length === 0) return written === 0 ? ROOT : latin1(TEXT, 0, written)
    if (length >= POINTER) {
      const target = (length - POINTER) * 256 + source.u8()
      if (source.short || target < HEADER_OCTETS || target >= from) return null
      from = target
      source = new Reader(message, target)
      continue
    }
    octets += length + 1
    // 01 and 10 were given to label types that failed (RFC 6891 §5).
    if (length > 63 || length > source.left || octets > NAME_OCTETS) return null
    if (written > 0) TEXT[written++] = DOT
    for (let left = length; left > 0; left--) written = writeOctet(source.u8(), written)
  }
}

/** The master file's escapes (RFC 1035 §5.1, RFC 4343 §2.1): no two names share a text. Returns its end. */
function writeOctet(octet: number, at: number): number {
  if (octet >= 0x41 && octet <= 0x5a) {
    TEXT[at] = octet + 0x20
    return at + 1
  }
  if (octet > 0x20 && octet < 0x7f && octet !== DOT && octet !== BACKSLASH) {
    TEXT[at] = octet
    return at + 1
  }
  TEXT[at] = BACKSLASH
  if (octet === DOT || octet === BACKSLASH) {
    TEXT[at + 1] = octet
    return at + 2
  }
  const tens = Math.floor(octet / 10)
  TEXT[at + 1] = DIGIT_0 + Math.floor(octet / 100)
  TEXT[at + 2] = DIGIT_0 + (tens % 10)
  TEXT[at + 3] = DIGIT_0 + (octet % 10)
  return at + 4
}
