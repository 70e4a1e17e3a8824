/** NTP datagrams of versions 1 to 4 (RFC 5905 §7.3), control (RFC 9327) and private ones. */
import { latin1, Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { Message } from '../exchanges.js'

export const HEADER_OCTETS = 48
export const CONTROL_HEADER_OCTETS = 12
export const PRIVATE_HEADER_OCTETS = 8
export const VERSION_LATEST = 4
export const Mode = { broadcast: 5, control: 6, private: 7 } as const
const NAMES = [
  ...['reserved', 'symmetric-active', 'symmetric-passive', 'client', 'server', 'broadcast'],
  ...['control', 'private'],
]
/** A key's number alone is a crypto-NAK; MD5 and SHA-1 digests, DES in versions before 4. */
const MAC_OCTETS = new Set([4, 20, 24])
const OLD_MAC_OCTETS = new Set([12, 36, 52, 68])
/** RFC 7822 §7.5. */
const LEAST_EXTENSION_OCTETS = 16
/** NTS Authenticator (RFC 8915 §7.6): each protected datagram has one. */
const NTS_AUTHENTICATOR = 0x0404
const ORIGIN_TIMESTAMP = 24
export const TRANSMIT_TIMESTAMP = 40
const TIMESTAMP_OCTETS = 8

/** What follows the header; null = not extension fields and a MAC. */
export function readTail(datagram: Uint8Array, version: number): { readonly nts: boolean } | null {
  const reader = new Reader(datagram, HEADER_OCTETS)
  let nts = false
  while (reader.left > 0) {
    if (MAC_OCTETS.has(reader.left)) break
    if (version < VERSION_LATEST) return OLD_MAC_OCTETS.has(reader.left) ? { nts } : null
    const type = reader.u16be()
    const octets = reader.u16be()
    if (octets < LEAST_EXTENSION_OCTETS || octets % 4 !== 0) return null
    reader.skip(octets - 4)
    nts ||= type === NTS_AUTHENTICATOR
  }
  return reader.short ? null : { nts }
}

/** null = malformed. */
export function readMessage(datagram: Uint8Array, isReply: boolean): Message | null {
  const first = datagram[0] ?? 0
  const version = (first >> 3) & 7
  const mode = first & 7
  const fields: Fields = { mode: NAMES[mode] ?? '', version }
  if (mode === Mode.control) return readControl(datagram, fields)
  if (mode === Mode.private) return readPrivate(datagram, fields)
  const tail = readTail(datagram, version)
  if (datagram.length < HEADER_OCTETS || tail === null || version === 0) return null
  const from = isReply ? ORIGIN_TIMESTAMP : TRANSMIT_TIMESTAMP
  const stratum = datagram[1] ?? 0
  return {
    key: latin1(datagram, from, from + TIMESTAMP_OCTETS),
    fields: tail.nts ? { ...fields, nts: true } : fields,
    detail: () => ({ stratum }),
    isLast: mode === Mode.broadcast,
  }
}

function readControl(datagram: Uint8Array, fields: Fields): Message | null {
  const reader = new Reader(datagram, 1)
  const operation = reader.u8() & 0x1f
  const sequence = reader.u16be()
  if (datagram.length < CONTROL_HEADER_OCTETS) return null
  return { key: `control ${sequence}`, fields, detail: () => ({ operation }) }
}

/** As ntpdc wrote them, until 2013 the source of amplified floods: monlist is request 42. */
function readPrivate(datagram: Uint8Array, fields: Fields): Message | null {
  const reader = new Reader(datagram, 1)
  const sequence = reader.u8() & 0x7f
  reader.skip(1)
  const request = reader.u8()
  if (datagram.length < PRIVATE_HEADER_OCTETS) return null
  return { key: `private ${sequence} ${request}`, fields, detail: () => ({ request }) }
}
