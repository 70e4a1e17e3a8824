/**
 * NTP has no magic number: a datagram is NTP where each of its fields is what an implementation sends. Of random
 * octets fewer than 1 in 10^6 pass, whatever their length.
 */
import { Reader } from '../../../core/bytes.js'
import type { Dir } from '../../../core/inspect/contract.js'
import {
  CONTROL_HEADER_OCTETS,
  HEADER_OCTETS,
  Mode,
  PRIVATE_HEADER_OCTETS,
  readTail,
  TRANSMIT_TIMESTAMP,
  VERSION_LATEST,
} from './packet.js'

export const PROBE_OCTETS = HEADER_OCTETS
/** Powers of 2 in seconds (RFC 5905 §7.3); chrony's clients go down to -7. */
const POLL = { least: -7, most: 17 }
const PRECISION = { least: -32, most: 0 }
/** Of clients that tell nothing of themselves. */
const PRECISION_HIDDEN = 32
const UNSYNCHRONISED = 16
/** Of root delay and dispersion; MAXDISP is 16 (§7.1), some tell more. */
const ROOT_SECONDS = 64
/** 2002 (§6): clients of version 1 tell the time. */
const ERA_0_LATE = 0xc0000000
/** Of requests: to 12, and unset trap (RFC 9327 §2). */
const OPERATIONS_UNTIL = 12
const UNSET_TRAP = 31
/** None, and unknown, as ntpq has it. */
const LEAPS = new Set([0, 3])
/** Neither control nor private messages are older. */
const VERSION_OF_CONTROL = 2
const CONTROL_MAC_OCTETS = [0, 20, 24]
/** UNIV, XNTPD_OLD, XNTPD. */
const IMPLEMENTATIONS = new Set([0, 2, 3])
const PRIVATE_REQUESTS_UNTIL = 45
/** What ntpdc sends at most. */
const PRIVATE_OCTETS = 216

export function probeNtp({ orig }: Readonly<Record<Dir, Uint8Array>>): 'yes' | 'no' {
  const first = orig[0] ?? 0
  const version = (first >> 3) & 7
  if (version < 1 || version > VERSION_LATEST) return 'no'
  const mode = first & 7
  if (mode >= Mode.control && version < VERSION_OF_CONTROL) return 'no'
  if (mode === Mode.control) return isControl(orig) ? 'yes' : 'no'
  if (mode === Mode.private) return isPrivate(orig) ? 'yes' : 'no'
  return mode !== 0 && isTime(orig, version) ? 'yes' : 'no'
}

const signed = (octet: number): number => (octet << 24) >> 24
const within = (value: number, { least, most }: typeof POLL): boolean =>
  value >= least && value <= most

function isTime(datagram: Uint8Array, version: number): boolean {
  const reader = new Reader(datagram, 1)
  const stratum = reader.u8()
  const poll = signed(reader.u8())
  const precision = signed(reader.u8())
  const delaySeconds = reader.u16be()
  reader.skip(2)
  const dispersionSeconds = reader.u16be()
  if (datagram.length < HEADER_OCTETS || stratum > UNSYNCHRONISED || !within(poll, POLL))
    return false
  if (!within(precision, PRECISION) && precision !== PRECISION_HIDDEN) return false
  if (delaySeconds >= ROOT_SECONDS || dispersionSeconds >= ROOT_SECONDS) return false
  // Few octets of other protocols are above 15, so that version 1 needs more.
  const seconds = new Reader(datagram, TRANSMIT_TIMESTAMP).u32be()
  if (version === 1 && seconds < ERA_0_LATE) return false
  return readTail(datagram, version) !== null
}

/** A request: no error, no status, no part of several. */
function isControl(datagram: Uint8Array): boolean {
  const reader = new Reader(datagram)
  const leap = reader.u8() >> 6
  const operation = reader.u8()
  reader.skip(2)
  const status = reader.u16be()
  reader.skip(2)
  const offset = reader.u16be()
  const count = reader.u16be()
  if (reader.short || !LEAPS.has(leap) || status !== 0 || offset !== 0) return false
  if (operation === 0 || (operation > OPERATIONS_UNTIL && operation !== UNSET_TRAP)) return false
  const octets = CONTROL_HEADER_OCTETS + Math.ceil(count / 4) * 4
  return (
    datagram.length === CONTROL_HEADER_OCTETS + count ||
    CONTROL_MAC_OCTETS.includes(datagram.length - octets)
  )
}

function isPrivate(datagram: Uint8Array): boolean {
  const reader = new Reader(datagram)
  const first = reader.u8()
  const sequence = reader.u8() & 0x7f
  const implementation = reader.u8()
  const request = reader.u8()
  const items = reader.u16be()
  const itemOctets = reader.u16be()
  if (reader.short || first >> 6 !== 0 || sequence !== 0) return false
  if (!IMPLEMENTATIONS.has(implementation) || request > PRIVATE_REQUESTS_UNTIL) return false
  if (datagram.length > PRIVATE_OCTETS || datagram.length % 4 !== 0) return false
  return (
    items * itemOctets <= datagram.length - PRIVATE_HEADER_OCTETS &&
    items <= 0xfff &&
    itemOctets <= 0xfff
  )
}
