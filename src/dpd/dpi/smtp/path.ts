/** Reverse-path and Forward-path (RFC 5321 §4.1.2). */
import { asciiLower, fromLatin1 } from '../../../core/bytes.js'

/** Twice what servers must take (§4.5.3.1.3): some mailing lists write more than they should. */
export const PATH_OCTETS = 512
/** A quoted local part may hold the closing bracket. */
const IN_BRACKETS = /^ *<((?:"(?:[^"\\]|\\.)*"|[^"<>])*)>(?: .*)?$/
const SOURCE_ROUTE = /^@[^:]*:/
const utf8 = new TextDecoder()

export interface Path {
  /** Without brackets and source route, its domain in lower case; '' = the null path. */
  readonly address: string
  /** Not what the grammar allows, though some servers take it. */
  readonly isAmbiguous: boolean
}

/** Of what follows `FROM:` or `TO:`. */
export function readPath(text: string): Path {
  const inside = IN_BRACKETS.exec(text)?.[1]
  if (inside === undefined) {
    const address = text.trim().split(' ', 1)[0] ?? ''
    return { address: canonical(address), isAmbiguous: true }
  }
  // A route is ignored (§4.1.1.3), but not by all.
  const address = inside.replace(SOURCE_ROUTE, '')
  return { address: canonical(address), isAmbiguous: address !== inside }
}

/** RFC 6531 mailboxes are UTF-8. */
function canonical(address: string): string {
  const text = utf8.decode(fromLatin1(address))
  const domain = text.lastIndexOf('@') + 1
  return domain === 0 ? text : text.slice(0, domain) + asciiLower(text.slice(domain))
}
