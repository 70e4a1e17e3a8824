/**
 * The Ethernet header as u32 matches (words before the network header) and as pedit keys (words from
 * the MAC header). A VLAN tag is metadata by the time filters run: it is in none of these words.
 */
import { parseMac } from '../../core/mac.js'
import type { Pedit, PeditKey } from '../../core/netlink/pedit.js'
import type { U32Match } from '../../core/netlink/u32.js'
import type { Verdict } from '../../core/netlink/verdict.js'

/** `4e:65:75:56`, "NeuV" (native/wire/marker.h). */
export const MARKER_PREFIX = 0x4e65_7556
export type Slot = 'destination' | 'source'
/** The two bits above the id in a UCMAC. */
export const KIND = { podMac: 0, broadcast: 1, multicast: 2 } as const
export type Kind = keyof typeof KIND
export const BROADCAST = 'ff:ff:ff:ff:ff:ff'

/** Octets of a MAC as two numbers: what of it lies in which word. */
interface MacParts {
  /** First two octets. */
  readonly head: number
  readonly middle: number
  /** Last two. */
  readonly tail: number
}

function partsOf(mac: string): MacParts {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = parseMac(mac)
  return { head: (a << 8) | b, middle: (c << 8) | d, tail: (e << 8) | f }
}

function word(high: number, low: number): number {
  return ((high << 16) | low) >>> 0
}

/** Words -16 and -12 hold the destination, -8 and -4 the source and the ethertype. */
export function matchMac(slot: Slot, mac: string): U32Match[] {
  const { head, middle, tail } = partsOf(mac)
  return slot === 'destination'
    ? [
        { offset: -16, mask: 0x0000_ffff, value: head },
        { offset: -12, mask: 0xffff_ffff, value: word(middle, tail) },
      ]
    : [
        { offset: -8, mask: 0xffff_ffff, value: word(head, middle) },
        { offset: -4, mask: 0xffff_0000, value: word(tail, 0) },
      ]
}

export function matchMarker(slot: Slot): U32Match[] {
  return slot === 'destination'
    ? [
        { offset: -16, mask: 0x0000_ffff, value: MARKER_PREFIX >>> 16 },
        { offset: -12, mask: 0xffff_0000, value: word(MARKER_PREFIX & 0xffff, 0) },
      ]
    : [{ offset: -8, mask: 0xffff_ffff, value: MARKER_PREFIX }]
}

/** The low 16 bits of a UCMAC whose prefix has matched already. */
export function matchMarkerLow(slot: Slot, value: number, mask: number): U32Match {
  return slot === 'destination'
    ? { offset: -12, mask, value }
    : { offset: -4, mask: word(mask, 0), value: word(value, 0) }
}

/** The group bit of the destination (IEEE 802). */
export const GROUP: U32Match = { offset: -16, mask: 0x0000_0100, value: 0x0000_0100 }
/** The MAC header is always there: a frame too short for the network header matches too. */
export const ANY: U32Match = { offset: -4, mask: 0, value: 0 }

/** A group MAC, and the packet that stands behind it: ethertype, then 224.0.0.0/4 or ff00::/8. */
function groupRules(mac: readonly U32Match[], packet: readonly U32Match[]) {
  return { mac, packet, onDevice: [...mac, ...packet] } as const
}

/** RFC 1112 §6.4: 01:00:5e and a clear bit; RFC 2464 §7: 33:33. */
export const GROUP_RULES = {
  ipv4: groupRules(
    [
      { offset: -16, mask: 0x0000_ffff, value: 0x0100 },
      { offset: -12, mask: 0xff80_0000, value: 0x5e00_0000 },
    ],
    [
      { offset: -4, mask: 0x0000_ffff, value: 0x0800 },
      { offset: 16, mask: 0xf000_0000, value: 0xe000_0000 },
    ],
  ),
  ipv6: groupRules(
    [{ offset: -16, mask: 0x0000_ffff, value: 0x3333 }],
    [
      { offset: -4, mask: 0x0000_ffff, value: 0x86dd },
      { offset: 24, mask: 0xff00_0000, value: 0xff00_0000 },
    ],
  ),
} as const

export function macOfMarker(id: number, kind: Kind): string {
  const low = (KIND[kind] << 14) | id
  const octet = (shift: number) => ((low >>> shift) & 0xff).toString(16).padStart(2, '0')
  return `4e:65:75:56:${octet(8)}:${octet(0)}`
}

/** `munge eth dst set MAC`, `munge eth src set MAC`: the neighbour's octets stay. */
export function setMac(slot: Slot, mac: string, verdict: Verdict): Pedit {
  const { head, middle, tail } = partsOf(mac)
  const header = 'eth'
  const keys: PeditKey[] =
    slot === 'destination'
      ? [
          { header, offset: 0, keep: 0, flip: word(head, middle) },
          { header, offset: 4, keep: 0x0000_ffff, flip: word(tail, 0) },
        ]
      : [
          { header, offset: 4, keep: 0xffff_0000, flip: head },
          { header, offset: 8, keep: 0, flip: word(middle, tail) },
        ]
  return { kind: 'pedit', verdict, keys }
}
