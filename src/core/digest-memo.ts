/** Of what many peers send alike, as the offers of one program are: the digest is made once. */

const OCTETS_MAX = 1 << 20
/** Of the map and of the digest, beside the text. */
const ENTRY_OCTETS = 128

/** `digest` with its last answers by heart; all are forgotten when they get too many. */
export function remembering<T>(digest: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  let octets = 0
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const made = digest(text)
    if (octets > OCTETS_MAX) {
      known.clear()
      octets = 0
    }
    octets += text.length + ENTRY_OCTETS
    known.set(text, made)
    return made
  }
}
