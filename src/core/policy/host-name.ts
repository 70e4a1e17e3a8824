/** Host and DNS names in the one spelling that rules compare: lower case, no port, no final dot. */

import { formatAddress, readAddress } from '../address.js'

/**
 * Null where no server can be sure which host is meant. RFC 9110 §7.2: Host = uri-host [ ":" port ];
 * of RFC 3986's reg-name the percent-encoded form is refused, as servers differ in decoding it.
 */
export function canonicalHost(field: string): string | null {
  const literal = /^\[([0-9A-Fa-f:.]+)\](?::[0-9]*)?$/.exec(field)
  if (literal !== null) return canonicalLiteral(literal[1] ?? '')
  const name = /^([A-Za-z0-9._~!$&'()*+,;=-]*)(?::[0-9]*)?$/.exec(field)
  if (name === null) return null
  const host = canonicalName(name[1] ?? '')
  return host.startsWith('.') || host.endsWith('.') || host.includes('..') ? null : host
}

/** As `canonicalHost`, with stars: an address in brackets is respelled if it has none. */
export function canonicalHostPattern(pattern: string): string {
  const literal = /^\[([0-9A-Fa-f:.]+)\]$/.exec(pattern)
  return (literal && canonicalLiteral(literal[1] ?? '')) ?? canonicalName(pattern)
}

/** The many spellings of an IPv6 address are one host. */
function canonicalLiteral(text: string): string | null {
  const address = readAddress(text)
  return address?.family === 6 ? `[${formatAddress(address.octets)}]` : null
}

/** RFC 4343: DNS compares ASCII letters without case; `.` is the root. */
export function canonicalName(name: string): string {
  const lower = asciiLower(name)
  return lower.endsWith('.') && !lower.endsWith('\\.') ? lower.slice(0, -1) : lower
}

/** Why the pattern can match no host, or null. */
export function hostPatternFault(pattern: string): string | null {
  if (pattern === '') return 'empty: write a host name, or * for any'
  if (/\s/.test(pattern)) return 'holds white space: write one host name per list entry'
  if (pattern.includes('/')) return 'hosts are names only: leave out scheme and path'
  if (/:[0-9]*$/.test(pattern) && !/^[0-9A-Fa-f:]*:[0-9A-Fa-f:]*:/.test(pattern)) {
    return 'hosts are compared without port: leave the port out, or use ports:'
  }
  if (!/^[A-Za-z0-9._~!$&'()*+,;=-]+$|^\[[0-9A-Fa-f:.*]+\]$/.test(pattern)) {
    return 'no host name: use letters, digits, - . and *; IPv6 addresses in [], IDN as xn--'
  }
  return null
}

export function namePatternFault(pattern: string): string | null {
  if (pattern === '') return 'empty: write a name, or * for any'
  if (!/^[\x21-\x7e]+$/.test(pattern)) return 'names are ASCII without spaces: write IDN as xn--'
  return null
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase())
}
