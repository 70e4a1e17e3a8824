/** The Huffman code of HPACK (RFC 7541 §5.2, Appendix B), read four bits at a time. */

/** Bits of each octet's code. The code is canonical: of one length the octets follow each other. */
const CODE_BITS = `
   13 23 28 28 28 28 28 28 28 24 30 28 28 30 28 28
   28 28 28 28 28 28 30 28 28 28 28 28 28 28 28 28
    6 10 10 12 13  6  8 11 10 10  8 11  8  6  6  6
    5  5  5  6  6  6  6  6  6  6  7  8 15  6 12 10
   13  6  7  7  7  7  7  7  7  7  7  7  7  7  7  7
    7  7  7  7  7  7  7  7  8  7  8 13 19 13 14  6
   15  5  6  5  6  5  6  6  6  5  7  7  6  6  6  5
    6  7  6  5  5  6  7  7  7  7  7 15 11 14 13 28
   20 22 20 20 22 22 22 23 22 23 23 23 23 23 24 23
   24 24 22 23 24 23 23 23 23 21 22 23 22 23 23 24
   22 21 20 22 22 23 23 21 23 22 22 24 21 22 23 23
   21 21 22 21 23 22 23 23 20 22 22 22 23 22 22 23
   26 26 20 19 22 23 22 25 26 26 26 27 27 26 24 25
   19 21 26 27 27 26 27 24 21 21 26 26 28 27 27 27
   20 24 20 21 22 21 21 23 22 22 25 25 24 24 26 23
   26 27 26 26 27 27 27 27 27 28 27 27 27 27 27 26`
const EOS = 256
const EOS_BITS = 30
/** Padding is shorter than an octet (RFC 7541 §5.2). */
const PADDING_BITS = 7
const NIBBLES = 16

/** Entry of a state and four bits: next state, then what these bits end. */
const STATE_MASK = 0xff
const EMITS = 0x100
const FAILS = 0x200
const SYMBOL_SHIFT = 16

type Node = { readonly id: number; readonly children: (Node | number | undefined)[] }

/** The inner nodes of the code's tree in `nodes`, the root first: there are 256. */
function buildTree(): Node[] {
  const lengths = CODE_BITS.trim().split(/\s+/).map(Number)
  const symbols = [...lengths, EOS_BITS].map((bits, symbol) => ({ bits, symbol }))
  symbols.sort((a, b) => a.bits - b.bits || a.symbol - b.symbol)
  const root: Node = { id: 0, children: [] }
  const nodes = [root]
  let code = 0
  let before = 0
  for (const { bits, symbol } of symbols) {
    code *= 2 ** (bits - before)
    before = bits
    plant(nodes, root, code, bits, symbol)
    code++
  }
  return nodes
}

function plant(nodes: Node[], root: Node, code: number, bits: number, symbol: number): void {
  let node = root
  for (let bit = bits - 1; bit > 0; bit--) {
    const side = (code >>> bit) & 1
    let child = node.children[side]
    if (typeof child !== 'object') {
      child = { id: nodes.length, children: [] }
      nodes.push(child)
      node.children[side] = child
    }
    node = child
  }
  node.children[code & 1] = symbol
}

/** No code is shorter than five bits, so four end at most one. */
function follow(root: Node, from: Node, nibble: number): number {
  let node = from
  let emitted = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = node.children[(nibble >> bit) & 1]
    if (child === undefined || child === EOS) return FAILS
    if (typeof child === 'number') {
      emitted = EMITS | (child << SYMBOL_SHIFT)
      node = root
    } else {
      node = child
    }
  }
  return emitted | node.id
}

function buildTransitions(nodes: readonly Node[]): Int32Array {
  const [root] = nodes
  const table = new Int32Array(nodes.length * NIBBLES)
  for (const node of nodes) {
    for (let nibble = 0; nibble < NIBBLES; nibble++) {
      table[node.id * NIBBLES + nibble] = root === undefined ? FAILS : follow(root, node, nibble)
    }
  }
  return table
}

/** States where the octets may end: at a code's end, or in padding of ones. */
function buildEnds(nodes: readonly Node[]): Uint8Array {
  const ends = new Uint8Array(nodes.length)
  let node: Node | number | undefined = nodes[0]
  for (let bits = 0; bits <= PADDING_BITS && typeof node === 'object'; bits++) {
    ends[node.id] = 1
    node = node.children[1]
  }
  return ends
}

const NODES = buildTree()
const TRANSITIONS = buildTransitions(NODES)
const ENDS = buildEnds(NODES)

/** Decodes `from` to `to` into `out`; the number of octets, or -1 where the code is wrong or `out` is full. */
export function decodeHuffman(
  octets: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
): number {
  let state = 0
  let length = 0
  for (let at = from; at < to; at++) {
    const octet = octets[at] ?? 0
    const high = TRANSITIONS[state * NIBBLES + (octet >> 4)] ?? FAILS
    if (high & EMITS) out[length++] = high >> SYMBOL_SHIFT
    const low = TRANSITIONS[(high & STATE_MASK) * NIBBLES + (octet & 15)] ?? FAILS
    if (low & EMITS) out[length++] = low >> SYMBOL_SHIFT
    if ((high | low) & FAILS) return -1
    state = low & STATE_MASK
  }
  return ENDS[state] === 1 && length <= out.length ? length : -1
}
