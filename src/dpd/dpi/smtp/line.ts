/** Lines of commands and replies. */
import { latin1 } from '../../../core/bytes.js'

/** Of AUTH with an initial response (RFC 4954 §4); commands have 512, and what extensions add (RFC 5321 §4.5.3.1.4). */
export const LINE_OCTETS = 12_288
const LF = 0x0a
/** What no recipients of a line agree on. */
const CONTROLS = /[\0\r\n]/

export type LineRead =
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly clause: string }
  | { readonly kind: 'line'; readonly text: string; readonly octets: number }

/** One line of the client's: its end is CR LF and nothing else (§2.3.8). */
export function readCommandLine(input: Uint8Array): LineRead {
  const line = readReplyLine(input)
  if (line.kind !== 'line') return line
  if (line.text.length !== line.octets - 2) return malformed('§2.3.8 bare LF')
  return CONTROLS.test(line.text) ? malformed('§2.3.8 control character in a command') : line
}

/** Clients take a bare LF of a server's. */
export function readReplyLine(input: Uint8Array): LineRead {
  const end = input.subarray(0, LINE_OCTETS).indexOf(LF) + 1
  if (end > 0) {
    const text = latin1(input, 0, end).replace(/\r?\n$/, '')
    return { kind: 'line', text, octets: end }
  }
  if (input.length < LINE_OCTETS) return { kind: 'more' }
  return malformed(`§4.5.3.1 line of more than ${LINE_OCTETS} octets`)
}

const malformed = (clause: string): LineRead => ({
  kind: 'malformed',
  clause: `RFC 5321 ${clause}`,
})
