/** Addresses of a device (RTM_*ADDR, linux/if_addr.h). */
import { formatAddress } from '../address.js'
import { asU32, find, HOST_LITTLE_ENDIAN, u32, viewOf } from './attribute.js'
import { AF_INET6, type Dumped, dumpOf, requestOf, splitMessage, without } from './dumped.js'
import { type Message, NLM_F_CREATE, NLM_F_REPLACE, type Request } from './message.js'

export const RTM_NEWADDR = 20
const RTM_DELADDR = 21
export const RTM_GETADDR = 22
const IFADDRMSG_OCTETS = 8
const IFA_ADDRESS = 1
const IFA_LOCAL = 2
const IFA_FLAGS = 8

export const IFA_F_NODAD = 0x02
const IFA_F_MCAUTOJOIN = 0x400
/** What the kernel works out: IFA_F_SECONDARY (in IPv6 TEMPORARY), DADFAILED, DEPRECATED, TENTATIVE, PERMANENT. */
const COMPUTED_FLAGS = 0x01 | 0x08 | 0x20 | 0x40 | 0x80

/** Both families', of all devices. */
export function dumpAddresses(): Request {
  return dumpOf(RTM_GETADDR, new Uint8Array(IFADDRMSG_OCTETS), 'RTM_GETADDR')
}

/** Of that device; null = another's, or no address. */
export function addressOf(message: Message, ifindex: number): Dumped | null {
  if (message.type !== RTM_NEWADDR) return null
  const dumped = splitMessage(message, IFADDRMSG_OCTETS)
  return viewOf(dumped.header).getUint32(4, HOST_LITTLE_ENDIAN) === ifindex ? dumped : null
}

/** The same address, on that device. */
export function addressOn(address: Dumped, ifindex: number): Dumped {
  const header = address.header.slice()
  viewOf(header).setUint32(4, ifindex, HOST_LITTLE_ENDIAN)
  return { ...address, header }
}

export function isIpv6(address: Dumped): boolean {
  return address.header[0] === AF_INET6
}

/** A user's flags: 32 bits in IFA_FLAGS, of which ifa_flags holds the low eight. */
function settableFlags(address: Dumped): number {
  const told = find(address.attributes, IFA_FLAGS)
  return (told === null ? (address.header[2] ?? 0) : asU32(told)) & ~COMPUTED_FLAGS
}

/** A group that the kernel joins for as long as the address stands (ip-address(8), autojoin). */
export function isJoinedGroup(address: Dumped): boolean {
  return (settableFlags(address) & IFA_F_MCAUTOJOIN) !== 0
}

function addressRequest(address: Dumped, flags: number): Request {
  const header = address.header.slice()
  header[2] = flags & 0xff
  const attributes = [...without(address.attributes, [IFA_FLAGS]), u32(IFA_FLAGS, flags)]
  const verb = `RTM_NEWADDR ${addressText(address)}`
  return requestOf(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, { header, attributes }, verb)
}

/** Usable at once: duplicate address detection was done when the address first came. */
export function addAddress(address: Dumped): Request {
  return addressRequest(address, settableFlags(address) | (isIpv6(address) ? IFA_F_NODAD : 0))
}

/** The flags that the address had, once it stands; null = addAddress set them already. */
export function amendAddress(address: Dumped): Request | null {
  const flags = settableFlags(address)
  return isIpv6(address) && (flags & IFA_F_NODAD) === 0 ? addressRequest(address, flags) : null
}

export function deleteAddress(address: Dumped): Request {
  const { header, attributes } = address
  const named = attributes.filter(({ type }) => type === IFA_ADDRESS || type === IFA_LOCAL)
  const verb = `RTM_DELADDR ${addressText(address)}`
  return requestOf(RTM_DELADDR, 0, { header, attributes: named }, verb)
}

/**
 * The order in which adding gives the order of the dump: inet6 puts an address before those of its
 * scope (ipv6_link_dev_addr), inet behind them.
 */
export function inOrderOfAdding(addresses: readonly Dumped[]): Dumped[] {
  return [...addresses.filter((a) => !isIpv6(a)), ...addresses.filter(isIpv6).reverse()]
}

/** `10.0.0.2/24`; IFA_LOCAL is the own address, IFA_ADDRESS the peer's on point-to-point links. */
export function addressText(address: Dumped): string {
  const local = find(address.attributes, IFA_LOCAL) ?? find(address.attributes, IFA_ADDRESS)
  const octets = local?.octets ?? new Uint8Array(0)
  const isAddress = octets.length === 4 || octets.length === 16
  return `${isAddress ? formatAddress(octets) : '?'}/${address.header[1] ?? 0}`
}
