/** DHCP for IPv6 (RFC 8415). */
import { formatAddress } from '../../../core/address.js'
import { latin1, Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { Message } from '../exchanges.js'

/** RFC 8415 §7.3, RFC 5007, RFC 5460, RFC 6977, RFC 7341. */
const TYPES = [
  ...['', 'SOLICIT', 'ADVERTISE', 'REQUEST', 'CONFIRM', 'RENEW', 'REBIND', 'REPLY', 'RELEASE'],
  ...['DECLINE', 'RECONFIGURE', 'INFORMATION-REQUEST', 'RELAY-FORW', 'RELAY-REPL', 'LEASEQUERY'],
  ...['LEASEQUERY-REPLY', 'LEASEQUERY-DONE', 'LEASEQUERY-DATA', 'RECONFIGURE-REQUEST'],
  ...['RECONFIGURE-REPLY', 'DHCPV4-QUERY', 'DHCPV4-RESPONSE'],
]
const RELAY_FORWARD = 12
const RELAY_REPLY = 13
const UNANSWERED = new Set(['ADVERTISE', 'REPLY', 'RECONFIGURE', 'RELAY-REPL'])
/** Type and transaction-id. */
const HEADER_OCTETS = 4
/** Type, hop count, link-address, peer-address. */
const RELAY_HEADER_OCTETS = 34
/** HOP_COUNT_LIMIT (§7.6). */
const HOPS = 8
const ADDRESS_OCTETS = 16

const Option = {
  clientId: 1,
  ia: 3,
  iaAddress: 5,
  elapsedTime: 8,
  relayMessage: 9,
  vendorClass: 16,
  clientName: 39,
} as const
/** Codes that are assigned, and some to come. */
const OPTIONS_UNTIL = 170
/** DUID (§11): types 1 to 4, 128 octets without the type. */
const DUID_TYPES_UNTIL = 4
const DUID_OCTETS = { least: 3, most: 130 }

type Options = ReadonlyMap<number, Uint8Array>

/** No magic number: a known type, options to the last octet, and what each message has among them. */
export function isV6(datagram: Uint8Array): boolean {
  const type = datagram[0] ?? 0
  const options = type < TYPES.length && type > 0 ? readOptions(datagram) : null
  if (options === null) return false
  for (const code of options.keys()) if (code > OPTIONS_UNTIL) return false
  if (isRelay(type))
    return (datagram[1] ?? 0) <= HOPS && isV6(options.get(Option.relayMessage) ?? new Uint8Array(0))
  const clientId = options.get(Option.clientId)
  if (clientId !== undefined) return isDuid(clientId)
  return options.get(Option.elapsedTime)?.length === 2
}

const isRelay = (type: number): boolean => type === RELAY_FORWARD || type === RELAY_REPLY

function isDuid(octets: Uint8Array): boolean {
  const type = new Reader(octets).u16be()
  const isBounded = octets.length >= DUID_OCTETS.least && octets.length <= DUID_OCTETS.most
  return isBounded && type >= 1 && type <= DUID_TYPES_UNTIL
}

/** null = malformed; the first of each counts. */
function readOptions(message: Uint8Array): Options | null {
  const headerOctets = isRelay(message[0] ?? 0) ? RELAY_HEADER_OCTETS : HEADER_OCTETS
  if (message.length < headerOctets) return null
  const reader = new Reader(message, headerOctets)
  const options = new Map<number, Uint8Array>()
  while (reader.left > 0) {
    const code = reader.u16be()
    const value = reader.octets(reader.u16be())
    if (reader.short || code === 0) return null
    if (!options.has(code)) options.set(code, value)
  }
  return options
}

/** null = malformed. */
export function readV6(datagram: Uint8Array): Message | null {
  const inner = innermost(datagram)
  if (inner === null) return null
  const { message, options, hops } = inner
  const type = datagram[0] ?? 0
  const messageType = TYPES[type] ?? `${type}`
  const relayed = TYPES[message[0] ?? 0] ?? `${message[0]}`
  const kept = new Map([...options].map(([code, value]) => [code, value.slice()]))
  return {
    key: latin1(message, 1, HEADER_OCTETS),
    fields: { messageType, version: 6, ...(hops > 0 ? { relayed } : {}) },
    detail: () => detailOf(kept),
    isLast: UNANSWERED.has(messageType),
  }
}

interface Inner {
  readonly message: Uint8Array
  readonly options: Options
  readonly hops: number
}

/** What relays carry (§9). */
function innermost(datagram: Uint8Array): Inner | null {
  let message = datagram
  for (let hops = 0; hops <= HOPS; hops++) {
    const options = readOptions(message)
    if (options === null || (message[0] ?? 0) === 0) return null
    if (!isRelay(message[0] ?? 0)) return { message, options, hops }
    const relayed = options.get(Option.relayMessage)
    if (relayed === undefined) return null
    message = relayed
  }
  return null
}

function detailOf(options: Options): Fields {
  const clientId = options.get(Option.clientId)
  const requested = requestedAddress(options.get(Option.ia))
  const vendor = options.get(Option.vendorClass)
  const name = options.get(Option.clientName)
  return {
    ...(clientId === undefined ? {} : { clientId: Buffer.from(clientId).toString('hex') }),
    ...(requested === null ? {} : { requestedAddress: requested }),
    // An enterprise's number, then texts with their lengths; the first is told (§21.16).
    ...(vendor === undefined
      ? {}
      : { vendorClass: latin1(vendor, 6, 6 + new Reader(vendor, 4).u16be()) }),
    ...(name === undefined ? {} : { hostname: labels(name) }),
  }
}

/** The first of an IA_NA (§21.4, §21.6). */
function requestedAddress(ia: Uint8Array | undefined): string | null {
  if (ia === undefined) return null
  const reader = new Reader(ia, 12)
  const code = reader.u16be()
  const value = reader.octets(reader.u16be())
  if (reader.short || code !== Option.iaAddress || value.length < ADDRESS_OCTETS) return null
  return formatAddress(value.subarray(0, ADDRESS_OCTETS))
}

/** Behind a flag octet (RFC 4704 §4). */
function labels(name: Uint8Array): string {
  const reader = new Reader(name, 1)
  const texts: string[] = []
  while (reader.left > 0) {
    const label = latin1(reader.octets(reader.u8()))
    if (label !== '') texts.push(label)
  }
  return texts.join('.')
}
