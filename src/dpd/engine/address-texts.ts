/**
 * Addresses as text, each made once while it is remembered: many flows have few addresses, and the
 * flows of one share its text. A table of fixed size, in which a newcomer takes its slot's place.
 */
import { formatAddress } from '../../core/address.js'

const SLOTS = 4096
const ADDRESS_OCTETS = 16

export class AddressTexts {
  readonly #octets = new Uint8Array(SLOTS * ADDRESS_OCTETS)
  readonly #texts = new Array<string>(SLOTS).fill('')
  readonly #lengths = new Uint8Array(SLOTS)

  /** Of the `length` octets (4 or 16) at `at`. */
  text(octets: Uint8Array, at: number, length: number): string {
    const slot = slotOf(octets, at, length)
    if (this.#lengths[slot] === length && this.#has(slot, octets, at, length))
      return this.#texts[slot] ?? ''
    const address = octets.subarray(at, at + length)
    const text = formatAddress(address)
    this.#octets.set(address, slot * ADDRESS_OCTETS)
    this.#lengths[slot] = length
    this.#texts[slot] = text
    return text
  }

  #has(slot: number, octets: Uint8Array, at: number, length: number): boolean {
    const known = this.#octets
    const from = slot * ADDRESS_OCTETS
    for (let i = 0; i < length; i++) if (known[from + i] !== octets[at + i]) return false
    return true
  }
}

/** FNV-1a; whoever finds addresses that share a slot gains nothing but the formatting of both. */
function slotOf(octets: Uint8Array, at: number, length: number): number {
  let hash = 0x811c9dc5
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ (octets[i] ?? 0), 0x01000193)
  return (hash ^ (hash >>> 16)) & (SLOTS - 1)
}
