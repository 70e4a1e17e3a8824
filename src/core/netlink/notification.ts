/** What the kernel tells the multicast groups of rtnetlink(7): which devices something happened to. */
import { HOST_LITTLE_ENDIAN, viewOf } from './attribute.js'
import { RTM_DELTFILTER, RTM_NEWTFILTER } from './filter.js'
import { RTM_DELLINK, RTM_NEWLINK } from './link.js'
import { decodeMessages } from './message.js'
import { RTM_DELQDISC, RTM_NEWQDISC } from './qdisc.js'

/** linux/rtnetlink.h */
export const RTNLGRP_LINK = 1
export const RTNLGRP_TC = 4

const ABOUT_DEVICES: ReadonlySet<number> = new Set([
  ...[RTM_NEWLINK, RTM_DELLINK, RTM_NEWQDISC, RTM_DELQDISC, RTM_NEWTFILTER, RTM_DELTFILTER],
])
/** Of ifi_index in struct ifinfomsg and of tcm_ifindex in struct tcmsg alike. */
const IFINDEX_OFFSET = 4

/** ifindexes; what the socket `portId` asked for itself is no news. */
export function touchedDevices(octets: Uint8Array, portId: number | null): ReadonlySet<number> {
  const touched = new Set<number>()
  for (const message of decodeMessages(octets)) {
    const { type, payload } = message
    if (!ABOUT_DEVICES.has(type) || message.portId === portId) continue
    if (payload.length < IFINDEX_OFFSET + 4) continue
    touched.add(viewOf(payload).getInt32(IFINDEX_OFFSET, HOST_LITTLE_ENDIAN))
  }
  return touched
}
