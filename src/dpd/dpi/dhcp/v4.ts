/** DHCP for IPv4 (RFC 2131): a BOOTP header, a magic cookie and options (RFC 2132). */
import { formatAddress } from '../../../core/address.js'
import { latin1, Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { Message } from '../exchanges.js'

/** Up to the options. */
export const HEADER_OCTETS = 240
const COOKIE_AT = 236
const COOKIE = 0x63825363
const XID_AT = 4
const HARDWARE_OCTETS = 16
/** RFC 1542 §4.1.1. */
const HOPS = 16
const SNAME_AT = 44
const FILE_AT = 108
const REQUEST = 1
const REPLY = 2

/** RFC 2132 §9.6, RFC 3203, RFC 4388, RFC 6926, RFC 7724. */
const TYPES = [
  ...['', 'DISCOVER', 'OFFER', 'REQUEST', 'DECLINE', 'ACK', 'NAK', 'RELEASE', 'INFORM'],
  ...['FORCERENEW', 'LEASEQUERY', 'LEASEUNASSIGNED', 'LEASEUNKNOWN', 'LEASEACTIVE'],
  ...['BULKLEASEQUERY', 'LEASEQUERYDONE', 'ACTIVELEASEQUERY', 'LEASEQUERYSTATUS', 'TLS'],
]
const UNANSWERED = new Set(['OFFER', 'ACK', 'NAK', 'DECLINE', 'RELEASE', 'BOOTREPLY'])

const Option = {
  pad: 0,
  hostname: 12,
  requestedAddress: 50,
  overload: 52,
  messageType: 53,
  server: 54,
  vendorClass: 60,
  end: 255,
} as const
const ADDRESS_OCTETS = 4

export function isV4(datagram: Uint8Array): boolean {
  const reader = new Reader(datagram)
  const operation = reader.u8()
  reader.skip(1)
  const hardwareOctets = reader.u8()
  const hops = reader.u8()
  if (operation !== REQUEST && operation !== REPLY) return false
  if (hardwareOctets > HARDWARE_OCTETS || hops > HOPS) return false
  return new Reader(datagram, COOKIE_AT).u32be() === COOKIE
}

type Options = ReadonlyMap<number, Uint8Array>

/** null = malformed. */
export function readV4(datagram: Uint8Array): Message | null {
  const options = readOptions(datagram)
  if (options === null || !isV4(datagram)) return null
  const reply = datagram[0] === REPLY
  const type = options.get(Option.messageType)
  if (type !== undefined && type.length !== 1) return null
  const number = type?.[0] ?? 0
  // Without a type it is BOOTP (RFC 951).
  const bootp = reply ? 'BOOTREPLY' : 'BOOTREQUEST'
  const messageType = type === undefined ? bootp : (TYPES[number] ?? `${number}`)
  if (messageType === '') return null
  return {
    key: latin1(datagram, XID_AT, XID_AT + 4),
    fields: { messageType, version: 4 },
    detail: detailOf(datagram.slice(0, HEADER_OCTETS), options),
    isLast: UNANSWERED.has(messageType),
  }
}

/** Of the options, and of `file` and `sname` where they hold some too (RFC 2132 §9.3); null = malformed. */
function readOptions(datagram: Uint8Array): Options | null {
  const options = new Map<number, Uint8Array>()
  if (!walk(datagram.subarray(HEADER_OCTETS), options)) return null
  const overload = options.get(Option.overload)?.[0] ?? 0
  if (overload & 1 && !walk(datagram.subarray(FILE_AT, COOKIE_AT), options)) return null
  if (overload & 2 && !walk(datagram.subarray(SNAME_AT, FILE_AT), options)) return null
  return options
}

/** The first of each counts; what a long option's other parts hold is not told. */
function walk(octets: Uint8Array, options: Map<number, Uint8Array>): boolean {
  const reader = new Reader(octets)
  while (reader.left > 0) {
    const code = reader.u8()
    if (code === Option.end) return true
    if (code === Option.pad) continue
    const value = reader.octets(reader.u8())
    if (reader.short) return false
    if (!options.has(code)) options.set(code, value.slice())
  }
  return true
}

function detailOf(header: Uint8Array, options: Options): () => Fields {
  return () => {
    const reader = new Reader(header, 16)
    const given = formatAddress(reader.octets(ADDRESS_OCTETS))
    reader.skip(8)
    const hardware = reader.octets(Math.min(header[2] ?? 0, HARDWARE_OCTETS))
    const requested = address(options.get(Option.requestedAddress))
    const server = address(options.get(Option.server))
    const hostname = options.get(Option.hostname)
    const vendorClass = options.get(Option.vendorClass)
    return {
      hardwareAddress: Buffer.from(hardware).toString('hex'),
      ...(given === '0.0.0.0' ? {} : { givenAddress: given }),
      ...(requested === null ? {} : { requestedAddress: requested }),
      ...(server === null ? {} : { server }),
      ...(hostname === undefined ? {} : { hostname: latin1(hostname) }),
      ...(vendorClass === undefined ? {} : { vendorClass: latin1(vendorClass) }),
    }
  }
}

const address = (option: Uint8Array | undefined): string | null =>
  option?.length === ADDRESS_OCTETS ? formatAddress(option) : null
