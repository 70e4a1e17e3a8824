/** The line before each chunk's data (RFC 9112 §7.1). */
import { latin1 } from '../../../core/bytes.js'

/** Extensions have no use in the wild; long ones only spend a recipient's time. */
const CHUNK_LINE_OCTETS = 512
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/

export type ChunkLine =
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly clause: string }
  | { readonly kind: 'chunk'; readonly octets: number; readonly end: number }

export function scanChunkLine(input: Uint8Array, from: number): ChunkLine {
  const limit = Math.min(input.length, from + CHUNK_LINE_OCTETS)
  let at = from
  while (at < limit && input[at] !== 0x0d && input[at] !== 0x0a) at++
  if (at - from >= CHUNK_LINE_OCTETS) return { kind: 'malformed', clause: 'RFC 9112 §7.1.1 length' }
  if (at + 1 >= input.length && input[at] !== 0x0a) return { kind: 'more' }
  if (input[at] !== 0x0d || input[at + 1] !== 0x0a) {
    return { kind: 'malformed', clause: 'RFC 9112 §7.1 chunk line end' }
  }
  const size = CHUNK_LINE.exec(latin1(input, from, at))?.[1]
  if (size === undefined) return { kind: 'malformed', clause: 'RFC 9112 §7.1 chunk-size' }
  return { kind: 'chunk', octets: Number.parseInt(size, 16), end: at + 2 }
}
