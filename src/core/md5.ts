/** MD5 (RFC 1321) of short texts, for fingerprints that are defined by it. Words are 32 bits, little-endian. */

const BLOCK_OCTETS = 64
const LENGTH_OCTETS = 8
const STEPS = 64
/** §3.4: by round, repeated four times each. */
const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
]
/** §3.4: T[i] is the integer part of 2^32 times abs(sin(i)), i in radians from 1. */
const T = Int32Array.from({ length: STEPS }, (_, i) =>
  Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32),
)
const INITIAL = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476]

/** §3.1, §3.2: one bit, zeros, and the length in bits. */
function padded(text: string): DataView {
  const octets = new TextEncoder().encode(text)
  const blocks = Math.ceil((octets.length + 1 + LENGTH_OCTETS) / BLOCK_OCTETS)
  const message = new Uint8Array(blocks * BLOCK_OCTETS)
  message.set(octets)
  message[octets.length] = 0x80
  const view = new DataView(message.buffer)
  view.setBigUint64(message.length - LENGTH_OCTETS, BigInt(octets.length) * 8n, true)
  return view
}

/** The round's function of the three words, and which word of the block the step adds. */
function mixed(step: number, b: number, c: number, d: number): readonly [number, number] {
  switch (step >> 4) {
    case 0:
      return [(b & c) | (~b & d), step]
    case 1:
      return [(d & b) | (~d & c), (5 * step + 1) % 16]
    case 2:
      return [b ^ c ^ d, (3 * step + 5) % 16]
    default:
      return [c ^ (b | ~d), (7 * step) % 16]
  }
}

function addBlock(state: Int32Array, message: DataView, block: number): void {
  let [a = 0, b = 0, c = 0, d = 0] = state
  for (let step = 0; step < STEPS; step++) {
    const [f, word] = mixed(step, b, c, d)
    const sum = (a + f + (T[step] ?? 0) + message.getInt32(block + 4 * word, true)) | 0
    const bits = SHIFTS[step >> 4]?.[step & 3] ?? 0
    a = d
    d = c
    c = b
    b = (b + ((sum << bits) | (sum >>> (32 - bits)))) | 0
  }
  for (const [at, word] of [a, b, c, d].entries()) state[at] = (state[at] ?? 0) + word
}

export function md5Hex(text: string): string {
  const message = padded(text)
  const state = Int32Array.from(INITIAL)
  for (let block = 0; block < message.byteLength; block += BLOCK_OCTETS) {
    addBlock(state, message, block)
  }
  const digest = new DataView(new ArrayBuffer(16))
  for (const [at, word] of state.entries()) digest.setInt32(4 * at, word, true)
  return (
    digest.getBigUint64(0).toString(16).padStart(16, '0') +
    digest.getBigUint64(8).toString(16).padStart(16, '0')
  )
}
