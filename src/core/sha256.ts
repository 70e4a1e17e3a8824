/**
 * SHA-256 (FIPS 180-4) of short texts, for names and checksums: loading node:crypto would cost each ADD
 * more than the rest of its own work. Words are 32 bits, big-endian in the message.
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

const K = primes(ROUNDS).map((prime) => fraction(Math.cbrt(prime)))
const INITIAL = primes(8).map((prime) => fraction(Math.sqrt(prime)))

const rotated = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

/** §5.1.1: one bit, zeros, and the length in bits. */
function padded(text: string): DataView {
  const octets = new TextEncoder().encode(text)
  const blocks = Math.ceil((octets.length + 1 + LENGTH_OCTETS) / BLOCK_OCTETS)
  const message = new Uint8Array(blocks * BLOCK_OCTETS)
  message.set(octets)
  message[octets.length] = 0x80
  const view = new DataView(message.buffer)
  view.setBigUint64(message.length - LENGTH_OCTETS, BigInt(octets.length) * 8n)
  return view
}

/** §6.2.2, step 1. */
function schedule(message: DataView, block: number): Int32Array {
  const words = new Int32Array(ROUNDS)
  const word = (t: number): number => words[t] ?? 0
  for (let t = 0; t < ROUNDS; t++) {
    if (t < 16) words[t] = message.getInt32(block + 4 * t)
    else {
      const [a, b] = [word(t - 15), word(t - 2)]
      const s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >>> 3)
      const s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >>> 10)
      words[t] = s1 + word(t - 7) + s0 + word(t - 16)
    }
  }
  return words
}

type State = readonly [number, number, number, number, number, number, number, number]

/** §6.2.2, steps 2 and 3. */
function compressed(state: State, words: Int32Array): State {
  let [a, b, c, d, e, f, g, h] = state
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
  return [a, b, c, d, e, f, g, h]
}

export function sha256Hex(text: string): string {
  const message = padded(text)
  let state = INITIAL as unknown as State
  for (let block = 0; block < message.byteLength; block += BLOCK_OCTETS) {
    const next = compressed(state, schedule(message, block))
    state = state.map((word, at) => (word + (next[at] ?? 0)) | 0) as unknown as State
  }
  return state.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}
