/** The handshake octets of one direction, from CRYPTO frames in any order (RFC 9000 §7.5, §19.6). */
import { Reader } from '../../../core/bytes.js'

/** Stretches that are not joined yet: browsers cut a hello into some twenty. */
export const STRETCHES_MAX = 64
const SMALLEST_BUFFER = 512
const MESSAGE_HEADER_OCTETS = 4

interface Stretch {
  readonly from: number
  readonly to: number
}

export type Message =
  | { readonly kind: 'need' }
  | { readonly kind: 'malformed'; readonly clause: string }
  | {
      readonly kind: 'message'
      readonly type: number
      readonly body: Uint8Array
      readonly end: number
    }

export class CryptoStream {
  #octets = new Uint8Array(0)
  /** In order, apart from each other. */
  #stretches: Stretch[] = []

  /** Octets at a higher offset are refused, as a receiver may beyond 4 096. */
  constructor(readonly limit: number) {}

  /** The clause that is violated, or null. Copies. */
  add(from: number, octets: Uint8Array): string | null {
    const to = from + octets.length
    if (to > this.limit) return `RFC 9000 §7.5 more than ${this.limit} octets of handshake`
    if (octets.length === 0) return null
    if (!this.#agrees(from, octets)) return 'RFC 9000 §2.2 other octets at the same offset'
    this.#reserve(to)
    this.#octets.set(octets, from)
    this.#join({ from, to })
    return this.#stretches.length > STRETCHES_MAX
      ? `RFC 9000 §7.5 more than ${STRETCHES_MAX} stretches of handshake`
      : null
  }

  /** The handshake message at `from`, a view. */
  message(from: number, messageOctets: number): Message {
    const [first] = this.#stretches
    const whole = first === undefined || first.from > 0 ? 0 : first.to
    const reader = new Reader(this.#octets, from, whole)
    const type = reader.u8()
    const octets = reader.u24be()
    if (reader.short) return { kind: 'need' }
    if (MESSAGE_HEADER_OCTETS + octets > messageOctets) {
      return { kind: 'malformed', clause: 'RFC 8446 §4 message length' }
    }
    const body = reader.octets(octets)
    return reader.short ? { kind: 'need' } : { kind: 'message', type, body, end: reader.at }
  }

  #agrees(from: number, octets: Uint8Array): boolean {
    for (const stretch of this.#stretches) {
      const to = Math.min(stretch.to, from + octets.length)
      for (let at = Math.max(stretch.from, from); at < to; at++) {
        if (this.#octets[at] !== octets[at - from]) return false
      }
    }
    return true
  }

  #reserve(octets: number): void {
    if (octets <= this.#octets.length) return
    let room = Math.max(SMALLEST_BUFFER, this.#octets.length)
    while (room < octets) room *= 2
    const grown = new Uint8Array(Math.min(room, this.limit))
    grown.set(this.#octets)
    this.#octets = grown
  }

  #join(fresh: Stretch): void {
    let { from, to } = fresh
    const apart: Stretch[] = []
    for (const stretch of this.#stretches) {
      if (stretch.to < from || stretch.from > to) apart.push(stretch)
      else {
        from = Math.min(from, stretch.from)
        to = Math.max(to, stretch.to)
      }
    }
    apart.push({ from, to })
    this.#stretches = apart.sort((a, b) => a.from - b.from)
  }
}
