import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import { readPacket } from './packet.js'
import { isReserved } from './version.js'

/** A server drops a client's Initial packet in less (RFC 9000 §14.1). */
export const INITIAL_DATAGRAM_OCTETS = 1_200
/** Of the first Destination Connection ID (RFC 9000 §7.2). */
const FIRST_DCID_OCTETS = 8
const LONG_HEADER_AND_FIXED_BIT = 0xc0
const CID_OCTETS = 20

/** One datagram tells: QUIC is client-first, and every 2^-35th of random datagrams at most looks like it. */
export function probeQuic({ orig }: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' {
  if (orig.length < INITIAL_DATAGRAM_OCTETS) return 'no'
  const [first = 0] = orig
  if ((first & LONG_HEADER_AND_FIXED_BIT) !== LONG_HEADER_AND_FIXED_BIT) return 'no'
  const packet = readPacket(orig, 0)
  if (packet.kind === 'unknown-version') {
    return isReserved(packet.version) && hasCids(orig) ? 'yes' : 'no'
  }
  const isFirst = packet.kind === 'long' && packet.type === 'initial'
  return isFirst && packet.dcid.length >= FIRST_DCID_OCTETS ? 'yes' : 'no'
}

/** As a client of version 1 writes them, whatever version it names. */
function hasCids(datagram: Uint8Array): boolean {
  const reader = new Reader(datagram, 5)
  const dcid = reader.u8()
  reader.skip(dcid)
  return dcid >= FIRST_DCID_OCTETS && dcid <= CID_OCTETS && reader.u8() <= CID_OCTETS
}
