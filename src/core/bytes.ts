/**
 * The one checked reader of wire octets. A read past the end yields 0 (or nothing) and sets `short`,
 * so that a parser tests once after a run of fields and no exception is on the hot path.
 */
const EMPTY = new Uint8Array(0)

export class Reader {
  /** A read went past the end: every value since is void. */
  short = false
  #at: number
  readonly #end: number
  readonly #octets: Uint8Array

  constructor(octets: Uint8Array, at = 0, end = octets.length) {
    this.#octets = octets
    this.#end = Math.min(Math.max(end, 0), octets.length)
    this.#at = Math.min(Math.max(at, 0), this.#end)
  }

  /** Offset of the next octet in the array given. */
  get at(): number {
    return this.#at
  }

  /** 0 once short, so that a loop over what is left ends. */
  get left(): number {
    return this.short ? 0 : this.#end - this.#at
  }

  u8(): number {
    return this.#be(1)
  }

  u16be(): number {
    return this.#be(2)
  }

  u24be(): number {
    return this.#be(3)
  }

  u32be(): number {
    return this.#be(4)
  }

  /** A view, not a copy. */
  octets(count: number): Uint8Array {
    const at = this.#advance(count)
    return at < 0 ? EMPTY : this.#octets.subarray(at, at + count)
  }

  skip(count: number): void {
    this.#advance(count)
  }

  /** A reader of the next `count` octets, bounded to them. */
  reader(count: number): Reader {
    const at = this.#advance(count)
    const inner = at < 0 ? new Reader(EMPTY) : new Reader(this.#octets, at, at + count)
    inner.short = this.short
    return inner
  }

  #be(count: number): number {
    const at = this.#advance(count)
    if (at < 0) return 0
    let value = 0
    for (let i = at; i < at + count; i++) value = value * 256 + (this.#octets[i] ?? 0)
    return value
  }

  /** The offset before the advance, or -1 when the octets are not there. */
  #advance(count: number): number {
    if (this.short || count < 0 || count > this.#end - this.#at) {
      this.short = true
      return -1
    }
    const at = this.#at
    this.#at += count
    return at
  }
}

/** Of any Uint8Array, without a Buffer made for it. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, from: number, to: number): string
}

/** One character per octet (ISO 8859-1), so that nothing is lost or merged. */
export function latin1(octets: Uint8Array, from = 0, to = octets.length): string {
  return latin1Slice.call(octets, from, Math.min(to, octets.length))
}

/** The octets of a text whose characters are all below 256. */
export function fromLatin1(text: string): Uint8Array {
  const octets = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i)
  return octets
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\x00-\x7f]*$/

/** Lower case of A-Z only: protocol names never follow a locale (RFC 4343 §3, RFC 9110 §5.1). */
export function asciiLower(text: string): string {
  // Of ASCII alone, String.toLowerCase is the same and fast.
  if (ASCII.test(text)) return text.toLowerCase()
  return text.replace(/[A-Z]+/g, (capitals) => capitals.toLowerCase())
}
