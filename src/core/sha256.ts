/**
 * SHA-256 (FIPS 180-4) of short texts, for names, checksums and fingerprints: loading node:crypto would cost each
 * ADD more than the rest of its own work. Words are 32 bits, big-endian in the message.
 */

const BLOCK_OCTETS = 64
const LENGTH_OCTETS = 8
const ROUNDS = 64

/** First 32 bits of the fractional part, as both tables of constants are made (§4.2.2, §5.3.3). */
const fraction = (x: number): number => ((x - Math.floor(x)) * 2 ** 32) | 0

function primes(count: number): number[] {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (found.every((p) => n % p !== 0)) found.push(n)
  return found
}

const K = Int32Array.from(primes(ROUNDS), (prime) => fraction(Math.cbrt(prime)))
const INITIAL = primes(8).map((prime) => fraction(Math.sqrt(prime)))

const rotated = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

/** §5.1.1: one bit, zeros, and the length in bits. */
function padded(octets: Uint8Array): DataView {
  const blocks = Math.ceil((octets.length + 1 + LENGTH_OCTETS) / BLOCK_OCTETS)
  const message = new Uint8Array(blocks * BLOCK_OCTETS)
  message.set(octets)
  message[octets.length] = 0x80
  const view = new DataView(message.buffer)
  // Below 512 MiB the upper half is zero.
  view.setUint32(message.length - 4, octets.length * 8)
  return view
}

/** §6.2.2, step 1. */
function schedule(words: Int32Array, message: DataView, block: number): void {
  for (let t = 0; t < 16; t++) words[t] = message.getInt32(block + 4 * t)
  for (let t = 16; t < ROUNDS; t++) {
    const a = words[t - 15] ?? 0
    const b = words[t - 2] ?? 0
    const s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3)
    const s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10)
    words[t] = s1 + (words[t - 7] ?? 0) + s0 + (words[t - 16] ?? 0)
  }
}

/** §6.2.2, steps 2 to 4. */
function addBlock(state: Int32Array, words: Int32Array): void {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let t = 0; t < ROUNDS; t++) {
    const s1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + (K[t] ?? 0) + (words[t] ?? 0)) | 0
    const s0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const added = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < added.length; i++) state[i] = (state[i] ?? 0) + (added[i] ?? 0)
}

/** The digest's eight words. */
export function sha256(octets: Uint8Array): Int32Array {
  const message = padded(octets)
  const state = Int32Array.from(INITIAL)
  const words = new Int32Array(ROUNDS)
  for (let block = 0; block < message.byteLength; block += BLOCK_OCTETS) {
    schedule(words, message, block)
    addBlock(state, words)
  }
  return state
}

export function sha256Hex(text: string): string {
  const state = sha256(new TextEncoder().encode(text))
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
