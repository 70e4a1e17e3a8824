/**
 * The addresses that a pod may send from: those that are known of it, and those that its kernel makes
 * of its MAC (RFC 4291 §2.5.1, modified EUI-64): the link-local one and, by SLAAC, one in each /64.
 */
import { readAddress, readCidr } from './address.js'
import { parseMac } from './mac.js'

/** RFC 4862 §5.5.3: an interface identifier of EUI-64 goes with a prefix of this length only. */
const SLAAC_PREFIX_BITS = 64
const LINK_LOCAL_PREFIX = Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0)

function interfaceId(mac: string): Uint8Array {
  const [a = 0, b = 0, c = 0, ...rest] = parseMac(mac)
  return Uint8Array.of(a ^ 2, b, c, 0xff, 0xfe, ...rest)
}

/** `addresses` with or without prefix length; network order, each once. */
export function ownAddresses(mac: string, addresses: readonly string[]): Uint8Array[] {
  const id = interfaceId(mac)
  const own = new Map<string, Uint8Array>()
  const add = (octets: Uint8Array): void => void own.set(octets.join('.'), octets)
  add(Uint8Array.of(...LINK_LOCAL_PREFIX, ...id))
  for (const text of addresses) {
    const cidr = readCidr(text)
    const address = cidr ?? readAddress(text)
    if (address === null) continue
    add(address.octets)
    if (address.family === 6 && cidr?.prefixBits === SLAAC_PREFIX_BITS) {
      add(Uint8Array.of(...address.octets.subarray(0, 8), ...id))
    }
  }
  return [...own.values()]
}
