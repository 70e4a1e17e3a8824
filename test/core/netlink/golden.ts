/**
 * Messages as tc(8) sends them: recorded from iproute2 6.1.0 on x86-64 by
 *   ip link add d0 type veth peer name d1            (d0 has ifindex 3)
 *   strace -e trace=sendmsg -e write=3 tc …
 * sequence number and port id set to 0. One field or attribute header a line, then what it is.
 */
import { encodeBatch, type Request } from '../../../src/core/netlink/message.js'

/** The ifindex of d0. */
export const D0 = 3
/** `parent ffff: prio 1 protocol all`. */
export const PRIORITY = 1

/** Hex octets up to `|`, on each line. */
export function golden(text: string): string {
  const octets = text.split('\n').map((line) => (line.split('|')[0] ?? '').replaceAll(' ', ''))
  return octets.join('')
}

export function hexOf(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex')
}

export function onWire(request: Request): string {
  return hexOf(encodeBatch([request], 0))
}

/** A recorded NEW message as the kernel would give it back. */
export function asMessage(text: string) {
  const octets = Buffer.from(golden(text), 'hex')
  return {
    type: octets.readUInt16LE(4),
    flags: 0,
    sequence: 0,
    portId: 0,
    payload: octets.subarray(16),
  }
}
