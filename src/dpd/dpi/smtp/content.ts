/**
 * Where the content of DATA ends: at CRLF . CRLF alone (RFC 5321 §4.1.1.4). A dot alone between other line ends is
 * the end to some servers and not to others, who then take the rest for commands: such content is malformed.
 */
const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

const TEXT = 0
const AFTER_CR = 1
const LINE_START = 2
/** Behind a bare LF. */
const LOOSE_START = 3
const LINE_DOT = 4
const LOOSE_DOT = 5
const DOT_CR = 6
const END = 7
const MALFORMED = 8

export class ContentEnd {
  #at = LINE_START

  /** DATA's own line end counts. */
  begin(): void {
    this.#at = LINE_START
  }

  /** Number of octets of the content; `end`: they are its last. */
  scan(input: Uint8Array): {
    readonly octets: number
    readonly kind: 'more' | 'end' | 'malformed'
  } {
    let place = this.#at
    for (let i = 0; i < input.length; i++) {
      const octet = input[i] ?? 0
      // Most octets are neither at a line's beginning nor its end.
      if (place === TEXT && octet !== CR && octet !== LF) continue
      place = after(place, octet)
      if (place < END) continue
      return { octets: i + 1, kind: place === END ? 'end' : 'malformed' }
    }
    this.#at = place
    return { octets: input.length, kind: 'more' }
  }
}

function after(place: number, octet: number): number {
  if (place === DOT_CR) return octet === LF ? END : MALFORMED
  if (octet === CR) {
    if (place === LOOSE_DOT) return MALFORMED
    return place === LINE_DOT ? DOT_CR : AFTER_CR
  }
  if (octet === LF) {
    if (place === LINE_DOT || place === LOOSE_DOT) return MALFORMED
    return place === AFTER_CR ? LINE_START : LOOSE_START
  }
  if (octet !== DOT) return TEXT
  if (place === LINE_START) return LINE_DOT
  return place === LOOSE_START || place === AFTER_CR ? LOOSE_DOT : TEXT
}
