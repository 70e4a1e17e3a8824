const CR = 0x0d
const LF = 0x0a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
/** A 64-bit number has 19 at most, and servers take no length of more than 12. */
const DIGITS = 15

/** `digits CRLF`, as the headers of RESP are: `end` is the offset after it. */
export class NumberLine {
  value = 0
  end = 0

  /** From the octet after the type. A server takes no sign but minus, and no leading zero. */
  read(input: Uint8Array, from: number): 'read' | 'need' | 'bad' {
    let at = from
    const negative = input[at] === MINUS
    if (negative) at++
    const first = at
    let value = 0
    for (; at < input.length; at++) {
      const octet = input[at] ?? 0
      if (octet < ZERO || octet > NINE) break
      if (at - first >= DIGITS || (at > first && value === 0)) return 'bad'
      value = value * 10 + octet - ZERO
    }
    if (at >= input.length) return 'need'
    if (at === first || input[at] !== CR) return 'bad'
    if (at + 1 >= input.length) return 'need'
    if (input[at + 1] !== LF) return 'bad'
    this.value = negative ? -value : value
    this.end = at + 2
    return 'read'
  }
}

/** Whether CRLF is at `at`; the octets are there. */
export const isLineEnd = (input: Uint8Array, at: number): boolean =>
  input[at] === CR && input[at + 1] === LF
