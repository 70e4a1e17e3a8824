/**
 * ip address add 10.1.0.2/24 brd + dev eth0
 * ip address add fd01::2/64 dev eth0 nodad valid_lft 3600 preferred_lft 1800
 * ip link set eth0 up (fe80::42:acff:fe11:2 comes by itself)
 * The answers to RTM_GETADDR, and the requests that put them on another device.
 */
import t from 'tap'
import {
  addAddress,
  addressOf,
  addressOn,
  addressText,
  amendAddress,
  deleteAddress,
  inOrderOfAdding,
  RTM_NEWADDR,
} from '../../../src/core/netlink/address.js'
import type { Dumped } from '../../../src/core/netlink/dumped.js'
import { hex, lines, messageOf, payloadLines, SKIP } from './hex.js'

const IPV4 = hex(`
  02 18 80 00 // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  08 00 01 00 // nla_len 8, IFA_ADDRESS
  0a 01 00 02 // 10.1.0.2
  08 00 02 00 // nla_len 8, IFA_LOCAL
  0a 01 00 02 // 10.1.0.2
  08 00 04 00 // nla_len 8, IFA_BROADCAST
  0a 01 00 ff // 10.1.0.255
  09 00 03 00 // nla_len 9, IFA_LABEL
  65 74 68 30 00 // "eth0"
  00 00 00 // padding
  08 00 08 00 // nla_len 8, IFA_FLAGS
  80 00 00 00 // 128
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  ff ff ff ff ff ff ff ff a0 c7 06 00 a0 c7 06 00 // value
`)
const ADD_IPV4 = hex(`
  02 18 00 00 // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  08 00 01 00 // nla_len 8, IFA_ADDRESS
  0a 01 00 02 // 10.1.0.2
  08 00 02 00 // nla_len 8, IFA_LOCAL
  0a 01 00 02 // 10.1.0.2
  08 00 04 00 // nla_len 8, IFA_BROADCAST
  0a 01 00 ff // 10.1.0.255
  09 00 03 00 // nla_len 9, IFA_LABEL
  65 74 68 30 00 // "eth0"
  00 00 00 // padding
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  ff ff ff ff ff ff ff ff a0 c7 06 00 a0 c7 06 00 // value
  08 00 08 00 // nla_len 8, IFA_FLAGS
  00 00 00 00 // 0
`)
const LIFETIMES = hex(`
  0a 40 02 00 // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  14 00 01 00 // nla_len 20, IFA_ADDRESS
  fd 01 00 00 00 00 00 00 00 00 00 00 00 00 00 02 // value
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  08 07 00 00 10 0e 00 00 a1 c7 06 00 a1 c7 06 00 // value
  08 00 08 00 // nla_len 8, IFA_FLAGS
  02 00 00 00 // 2
`)
/** IFA_PROTO, which we know nothing of, comes along. */
const LINK_LOCAL = hex(`
  0a 40 c0 fd // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  14 00 01 00 // nla_len 20, IFA_ADDRESS
  fe 80 00 00 00 00 00 00 00 42 ac ff fe 11 00 02 // value
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  ff ff ff ff ff ff ff ff 9f c7 06 00 9f c7 06 00 // value
  08 00 08 00 // nla_len 8, IFA_FLAGS
  c0 00 00 00 // 192
  05 00 0b 00 // nla_len 5, IFA_PROTO
  03 // 3
  00 00 00 // padding
`)
const ADD_LINK_LOCAL = hex(`
  0a 40 02 fd // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  14 00 01 00 // nla_len 20, IFA_ADDRESS
  fe 80 00 00 00 00 00 00 00 42 ac ff fe 11 00 02 // value
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  ff ff ff ff ff ff ff ff 9f c7 06 00 9f c7 06 00 // value
  05 00 0b 00 // nla_len 5, IFA_PROTO
  03 // 3
  00 00 00 // padding
  08 00 08 00 // nla_len 8, IFA_FLAGS
  02 00 00 00 // 2
`)
const AMEND_LINK_LOCAL = hex(`
  0a 40 00 fd // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
  07 00 00 00 // ifa_index 7
  14 00 01 00 // nla_len 20, IFA_ADDRESS
  fe 80 00 00 00 00 00 00 00 42 ac ff fe 11 00 02 // value
  14 00 06 00 // nla_len 20, IFA_CACHEINFO
  ff ff ff ff ff ff ff ff 9f c7 06 00 9f c7 06 00 // value
  05 00 0b 00 // nla_len 5, IFA_PROTO
  03 // 3
  00 00 00 // padding
  08 00 08 00 // nla_len 8, IFA_FLAGS
  00 00 00 00 // 0
`)

function read(payload: Uint8Array): Dumped {
  const address = addressOf(messageOf(RTM_NEWADDR, payload), 7)
  if (address === null) throw new Error('not an address of ifindex 7')
  return address
}

t.test('IPv4: what the kernel works out is left out', { skip: SKIP }, async (t) => {
  const address = read(IPV4)
  t.equal(addressText(address), '10.1.0.2/24')
  t.strictSame(payloadLines(addAddress(address)), lines(ADD_IPV4))
  t.equal(amendAddress(address), null)
})

t.test('IPv6: added with nodad, then given the flags that it had', { skip: SKIP }, async (t) => {
  const address = read(LINK_LOCAL)
  t.equal(addressText(address), 'fe80::42:acff:fe11:2/64')
  t.strictSame(payloadLines(addAddress(address)), lines(ADD_LINK_LOCAL))
  const amended = amendAddress(address)
  t.strictSame(amended === null ? null : payloadLines(amended), lines(AMEND_LINK_LOCAL))
})

t.test('IPv6 with lifetimes and nodad of its own: as it is', { skip: SKIP }, async (t) => {
  const address = read(LIFETIMES)
  t.strictSame(payloadLines(addAddress(address)), lines(LIFETIMES))
  t.equal(amendAddress(address), null)
})

t.test(
  'ip address del 10.1.0.2/24 dev eth0: by index and address alone',
  { skip: SKIP },
  async (t) => {
    const deleted = hex(`
    02 18 80 00 // ifa_family, ifa_prefixlen, ifa_flags, ifa_scope
    07 00 00 00 // ifa_index 7
    08 00 01 00 // nla_len 8, IFA_ADDRESS
    0a 01 00 02 // 10.1.0.2
    08 00 02 00 // nla_len 8, IFA_LOCAL
    0a 01 00 02 // 10.1.0.2
  `)
    t.strictSame(payloadLines(deleteAddress(read(IPV4))), lines(deleted))
  },
)

t.test('on another device', { skip: SKIP }, async (t) => {
  const octets = IPV4.slice()
  octets[4] = 9
  t.strictSame(addressOn(read(IPV4), 9), addressOf(messageOf(RTM_NEWADDR, octets), 9))
})

t.test('order of adding: IPv4 as dumped, IPv6 last one first', { skip: SKIP }, async (t) => {
  const dumped = [read(IPV4), read(LIFETIMES), read(LINK_LOCAL)]
  t.strictSame(inOrderOfAdding(dumped).map(addressText), [
    '10.1.0.2/24',
    'fe80::42:acff:fe11:2/64',
    'fd01::2/64',
  ])
})

t.test('of another device, or no address', { skip: SKIP }, async (t) => {
  t.equal(addressOf(messageOf(RTM_NEWADDR, IPV4), 8), null)
  t.equal(addressOf(messageOf(24, IPV4), 7), null)
})
