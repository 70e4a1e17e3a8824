/** Groups that processes have joined on one interface, as /proc/net/igmp and igmp6 tell them. */
import { formatAddress } from './address.js'

/** Each host is in these by itself: 224.0.0.1 (RFC 1112 §4), ff01::1 and ff02::1 (RFC 4291 §2.8). */
const OF_EVERY_HOST = ['224.0.0.1', 'ff01::1', 'ff02::1']
/** ff02::1:ff00:0/104, of each address (RFC 4291 §2.7.1). */
const SOLICITED_NODE = 'ff0200000000000000000001ff'

/** `Idx Device : Count Querier`, then a line for each group: the address as the machine holds it. */
function groups4(igmp: string, ifName: string, isLittleEndian: boolean): Uint8Array[] {
  let isOurs = false
  return igmp.split('\n').flatMap((line) => {
    const device = /^\d+\s+(\S+)\s*:/.exec(line)?.[1]
    if (device !== undefined) isOurs = device === ifName
    const group = /^\s+([0-9A-F]{8})\s/.exec(line)?.[1]
    if (group === undefined || !isOurs) return []
    const octets = octetsOf(group)
    return [isLittleEndian ? octets.reverse() : octets]
  })
}

/** `2 eth0 ff02…01 1 0000000C 0`. */
function groups6(igmp6: string, ifName: string): Uint8Array[] {
  return igmp6.split('\n').flatMap((line) => {
    const [, device, group = ''] = line.trim().split(/\s+/)
    const isJoined = device === ifName && group.length === 32 && !group.startsWith(SOLICITED_NODE)
    return isJoined ? [octetsOf(group)] : []
  })
}

function octetsOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
}

export function joinedGroups(
  files: { readonly igmp: string; readonly igmp6: string },
  ifName: string,
  isLittleEndian: boolean,
): string[] {
  const all = [...groups4(files.igmp, ifName, isLittleEndian), ...groups6(files.igmp6, ifName)]
  return all.map(formatAddress).filter((text) => !OF_EVERY_HOST.includes(text))
}
