/** Names on the wire as text. */
import { latin1 } from '../../core/bytes.js'

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** null = no UTF-8 (RFC 3629): no rule can name it, so nothing may be taken for it. */
export function utf8Text(octets: Uint8Array): string | null {
  const plain = latin1(octets)
  if (ASCII.test(plain)) return plain
  try {
    return strict.decode(octets)
  } catch {
    return null
  }
}
