import { HOST_LITTLE_ENDIAN } from '../../../src/core/netlink/attribute.js'
import type { Message, Request } from '../../../src/core/netlink/message.js'

/** The captures are of a little-endian machine. */
export const SKIP = HOST_LITTLE_ENDIAN ? false : 'golden octets of a little-endian machine'

/** Octets written as hex, one field per line, its constant behind `//`. */
export function hex(annotated: string): Uint8Array {
  const digits = annotated.replace(/\/\/.*$/gm, '').trim()
  return Uint8Array.from(digits.split(/\s+/), (octet) => Number.parseInt(octet, 16))
}

export function messageOf(type: number, payload: Uint8Array): Message {
  return { type, flags: 0, sequence: 1, portId: 0, payload }
}

/** Lines of sixteen octets: a difference shows where it is. */
export function lines(octets: Uint8Array): string[] {
  const all: string[] = []
  for (let at = 0; at < octets.length; at += 16) {
    all.push(Buffer.from(octets.subarray(at, at + 16)).toString('hex'))
  }
  return all
}

export function payloadLines(request: Request): string[] {
  return lines(request.payload)
}
