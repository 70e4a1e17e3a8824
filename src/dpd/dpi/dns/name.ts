/** Domain names on the wire (RFC 1035 §3.1, §4.1.4). */
import type { Reader } from '../../../core/bytes.js'
import { Reader as OctetReader } from '../../../core/bytes.js'

const NAME_OCTETS = 255
const POINTER = 0xc0
const HEADER_OCTETS = 12
const ROOT = '.'

/**
 * Reads the name at `reader`, which runs over the whole message; null = malformed. Lower case, no final
 * dot, root is '.'. Each pointer must lead before the labels that it ends, so that no chain of them loops.
 */
export function readName(message: Uint8Array, reader: Reader): string | null {
  const labels: string[] = []
  let source = reader
  let from = reader.at
  let octets = 1
  for (;;) {
    const length = source.u8()
    if (source.short) return null
    if (length === 0) return labels.length === 0 ? ROOT : labels.join('.')
    if (length >= POINTER) {
      const target = (length - POINTER) * 256 + source.u8()
      if (source.short || target < HEADER_OCTETS || target >= from) return null
      from = target
      source = new OctetReader(message, target)
      continue
    }
    const label = source.octets(length)
    octets += length + 1
    // 01 and 10 were given to label types that failed (RFC 6891 §5).
    if (length > 63 || source.short || octets > NAME_OCTETS) return null
    labels.push(labelText(label))
  }
}

/** The master file's escapes (RFC 1035 §5.1, RFC 4343 §2.1): no two names share a text. */
function labelText(label: Uint8Array): string {
  let text = ''
  for (const octet of label) {
    if (octet >= 0x41 && octet <= 0x5a) text += String.fromCharCode(octet + 0x20)
    else if (octet <= 0x20 || octet >= 0x7f) text += `\\${octet.toString().padStart(3, '0')}`
    else if (octet === 0x2e || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`
    else text += String.fromCharCode(octet)
  }
  return text
}
