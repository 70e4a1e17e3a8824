/** IP addresses and prefixes as text and as octets; the text of IPv6 is RFC 5952's. */

export interface Address {
  readonly family: 4 | 6
  /** 4 or 16 octets, network order. */
  readonly octets: Uint8Array
}

/** `address` is as written: host bits are kept. */
export interface Cidr extends Address {
  readonly prefixBits: number
}

const DECIMAL_OCTET = /^(?:0|[1-9][0-9]{0,2})$/
const HEX_GROUP = /^[0-9A-Fa-f]{1,4}$/
const PREFIX_BITS = /^(?:0|[1-9][0-9]{0,2})$/

/** Null where the text is no address. Leading zeros and zone ids (`%eth0`) are refused. */
export function readAddress(text: string): Address | null {
  if (text.includes(':')) {
    const octets = readIpv6(text)
    return octets === null ? null : { family: 6, octets }
  }
  const octets = readIpv4(text)
  return octets === null ? null : { family: 4, octets }
}

/** Null where the text is not `address/prefix`; the prefix is required. */
export function readCidr(text: string): Cidr | null {
  const slash = text.indexOf('/')
  if (slash < 0) return null
  const address = readAddress(text.slice(0, slash))
  const bits = text.slice(slash + 1)
  if (address === null || !PREFIX_BITS.test(bits)) return null
  const prefixBits = Number(bits)
  return prefixBits > address.octets.length * 8 ? null : { ...address, prefixBits }
}

/** Throws RangeError; for text that was checked before. */
export function parseAddress(text: string): Address {
  const address = readAddress(text)
  if (address === null) throw new RangeError(`${JSON.stringify(text)} is no IPv4 or IPv6 address`)
  return address
}

/** Throws RangeError; for text that was checked before. */
export function parseCidr(text: string): Cidr {
  const cidr = readCidr(text)
  if (cidr === null) {
    throw new RangeError(
      `${JSON.stringify(text)} is no prefix: write address/length, as 10.0.0.0/8`,
    )
  }
  return cidr
}

/** 4 octets as dotted decimal, 16 as RFC 5952. */
export function formatAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.')
  if (octets.length !== 16) throw new RangeError(`address of ${octets.length} octets: 4 or 16`)
  return formatIpv6(octets)
}

export function formatCidr(cidr: Cidr): string {
  return `${formatAddress(cidr.octets)}/${cidr.prefixBits}`
}

/** The same prefix with its host bits zero. */
export function networkOf(cidr: Cidr): Cidr {
  const octets = cidr.octets.map((octet, i) => {
    const bits = Math.min(8, Math.max(0, cidr.prefixBits - i * 8))
    return octet & (0xff00 >> bits) & 0xff
  })
  return { family: cidr.family, octets, prefixBits: cidr.prefixBits }
}

export function cidrContains(cidr: Cidr, octets: Uint8Array): boolean {
  if (cidr.octets.length !== octets.length) return false
  const whole = cidr.prefixBits >> 3
  for (let i = 0; i < whole; i++) if (cidr.octets[i] !== octets[i]) return false
  const rest = cidr.prefixBits & 7
  if (rest === 0) return true
  const differing = (cidr.octets[whole] ?? 0) ^ (octets[whole] ?? 0)
  return (differing & (0xff00 >> rest) & 0xff) === 0
}

function readIpv4(text: string): Uint8Array | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  const octets = new Uint8Array(4)
  for (const [i, part] of parts.entries()) {
    if (!DECIMAL_OCTET.test(part) || Number(part) > 255) return null
    octets[i] = Number(part)
  }
  return octets
}

/** RFC 4291 §2.2: eight groups, one `::` of at least one zero group, or a dotted tail. */
function readIpv6(text: string): Uint8Array | null {
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = readGroups(halves[0] ?? '', halves.length === 1)
  const tail = halves.length === 1 ? [] : readGroups(halves[1] ?? '', true)
  if (head === null || tail === null) return null
  const given = head.length + tail.length
  if (halves.length === 1 ? given !== 16 : given > 14) return null
  const octets = new Uint8Array(16)
  octets.set(head, 0)
  octets.set(tail, 16 - tail.length)
  return octets
}

function readGroups(text: string, dottedTail: boolean): number[] | null {
  if (text === '') return []
  const octets: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (dottedTail && i === groups.length - 1 && group.includes('.')) {
      const ipv4 = readIpv4(group)
      if (ipv4 === null) return null
      octets.push(...ipv4)
    } else {
      if (!HEX_GROUP.test(group)) return null
      const value = Number.parseInt(group, 16)
      octets.push(value >> 8, value & 0xff)
    }
  }
  return octets
}

function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => group16(octets, i))
  // RFC 5952 §5: the mixed notation where the prefix says that an IPv4 address is inside.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${octets.subarray(12).join('.')}`
  }
  const run = longestZeroRun(groups)
  const hex = groups.map((group) => group.toString(16))
  if (run.groups < 2) return hex.join(':')
  return `${hex.slice(0, run.from).join(':')}::${hex.slice(run.from + run.groups).join(':')}`
}

function group16(octets: Uint8Array, index: number): number {
  return ((octets[index * 2] ?? 0) << 8) | (octets[index * 2 + 1] ?? 0)
}

/** RFC 5952 §4.2.3: the longest, and of equals the first. */
function longestZeroRun(groups: readonly number[]): { from: number; groups: number } {
  let best = { from: 0, groups: 0 }
  let from = 0
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue
    if (i - from > best.groups) best = { from, groups: i - from }
    from = i + 1
  }
  return best
}
