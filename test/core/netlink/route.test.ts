/**
 * ip route add 10.8.0.0/16 via 10.7.7.7 dev eth0 onlink src 10.1.0.2 metric 50 mtu 1300 table 500
 * ip route add 10.6.0.0/16 nexthop via 10.1.0.1 dev eth0 weight 2 nexthop via 10.1.0.9 dev eth0
 * ip -6 route add fd07::/64 dev eth0 expires 1000 pref high
 * The answers to RTM_GETROUTE, and the requests that make the same routes again.
 */
import t from 'tap'
import type { Dumped } from '../../../src/core/netlink/dumped.js'
import { NLM_F_APPEND, NLM_F_REPLACE } from '../../../src/core/netlink/message.js'
import {
  addRoute,
  deleteRoute,
  hasGateway,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  routeKey,
  routeOf,
  routeOn,
  steppingRoutes,
} from '../../../src/core/netlink/route.js'
import { hex, lines, messageOf, payloadLines, SKIP } from './hex.js'

const ONLINK = hex(`
  02 10 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fc 03 00 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  04 00 00 00 // rtm_flags 0x4
  08 00 0f 00 // nla_len 8, RTA_TABLE
  f4 01 00 00 // 500
  08 00 01 00 // nla_len 8, RTA_DST
  0a 08 00 00 // 10.8.0.0
  08 00 06 00 // nla_len 8, RTA_PRIORITY
  32 00 00 00 // 50
  0c 00 08 00 // nla_len 12, RTA_METRICS
    08 00 02 00 // nla_len 8, RTAX_MTU
    14 05 00 00 // 1300
  08 00 07 00 // nla_len 8, RTA_PREFSRC
  0a 01 00 02 // 10.1.0.2
  08 00 05 00 // nla_len 8, RTA_GATEWAY
  0a 07 07 07 // 10.7.7.7
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
`)
const CONNECTED = hex(`
  02 18 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fe 02 fd 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  08 00 0f 00 // nla_len 8, RTA_TABLE
  fe 00 00 00 // 254
  08 00 01 00 // nla_len 8, RTA_DST
  0a 01 00 00 // 10.1.0.0
  08 00 07 00 // nla_len 8, RTA_PREFSRC
  0a 01 00 02 // 10.1.0.2
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
`)
const MULTIPATH = hex(`
  02 10 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fe 03 00 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  08 00 0f 00 // nla_len 8, RTA_TABLE
  fe 00 00 00 // 254
  08 00 01 00 // nla_len 8, RTA_DST
  0a 06 00 00 // 10.6.0.0
  24 00 09 00 // nla_len 36, RTA_MULTIPATH
    10 00 00 01 07 00 00 00 // rtnh_len 16, rtnh_flags 0x0, rtnh_hops 1, rtnh_ifindex 7
      08 00 05 00 // nla_len 8, RTA_GATEWAY
      0a 01 00 01 // 10.1.0.1
    10 00 00 00 07 00 00 00 // rtnh_len 16, rtnh_flags 0x0, rtnh_hops 0, rtnh_ifindex 7
      08 00 05 00 // nla_len 8, RTA_GATEWAY
      0a 01 00 09 // 10.1.0.9
`)
const EXPIRES = hex(`
  0a 40 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fe 03 00 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  08 00 0f 00 // nla_len 8, RTA_TABLE
  fe 00 00 00 // 254
  14 00 01 00 // nla_len 20, RTA_DST
  fd 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // value
  08 00 06 00 // nla_len 8, RTA_PRIORITY
  00 04 00 00 // 1024
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
  24 00 0c 00 // nla_len 36, RTA_CACHEINFO
  00 00 00 00 00 00 00 00 96 86 01 00 00 00 00 00 // value
  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
  05 00 14 00 // nla_len 5, RTA_PREF
  01 // 1
  00 00 00 // padding
`)
const ADD_EXPIRES = hex(`
  0a 40 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fe 03 00 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  08 00 0f 00 // nla_len 8, RTA_TABLE
  fe 00 00 00 // 254
  14 00 01 00 // nla_len 20, RTA_DST
  fd 07 00 00 00 00 00 00 00 00 00 00 00 00 00 00 // value
  08 00 06 00 // nla_len 8, RTA_PRIORITY
  00 04 00 00 // 1024
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
  05 00 14 00 // nla_len 5, RTA_PREF
  01 // 1
  00 00 00 // padding
  08 00 17 00 // nla_len 8, RTA_EXPIRES
  e8 03 00 00 // 1000
`)

function read(payload: Uint8Array): Dumped {
  const route = routeOf(messageOf(RTM_NEWROUTE, payload), 7)
  if (route === null) throw new Error('not a route through ifindex 7')
  return route
}

/** The octet at that offset changed. */
function changed(payload: Uint8Array, at: number, value: number): Uint8Array {
  const copy = payload.slice()
  copy[at] = value
  return copy
}

t.test('all attributes come along verbatim', { skip: SKIP }, async (t) => {
  for (const payload of [ONLINK, CONNECTED, MULTIPATH]) {
    t.strictSame(payloadLines(addRoute(read(payload))), lines(payload))
  }
  t.equal(deleteRoute(read(ONLINK)).type, RTM_DELROUTE)
})

t.test('what is left of a lifetime is set again in seconds', { skip: SKIP }, async (t) => {
  t.strictSame(payloadLines(addRoute(read(EXPIRES))), lines(ADD_EXPIRES))
})

t.test('what the kernel reports of a hop is not set', { skip: SKIP }, async (t) => {
  // RTNH_F_DEAD | RTNH_F_LINKDOWN beside RTNH_F_ONLINK, of the route and of its second hop.
  t.strictSame(payloadLines(addRoute(read(changed(ONLINK, 8, 0x15)))), lines(ONLINK))
  const secondHop = MULTIPATH.length - 16
  const dead = changed(MULTIPATH, secondHop + 2, 0x11)
  t.strictSame(payloadLines(addRoute(read(dead))), lines(MULTIPATH))
})

t.test('through a gateway or on the link; alone or several hops', { skip: SKIP }, async (t) => {
  t.strictSame(
    [ONLINK, CONNECTED, MULTIPATH].map((p) => hasGateway(read(p))),
    [true, false, true],
  )
  t.ok(addRoute(read(ONLINK)).flags & NLM_F_APPEND)
  t.ok(addRoute(read(MULTIPATH)).flags & NLM_F_REPLACE)
})

t.test('through another device: out interface and its own hops only', { skip: SKIP }, async (t) => {
  const outAt = ONLINK.length - 4
  t.strictSame(
    payloadLines(addRoute(routeOn(read(ONLINK), 7, 9))),
    lines(changed(ONLINK, outAt, 9)),
  )
  const secondHop = MULTIPATH.length - 16
  const shared = changed(MULTIPATH, secondHop + 4, 8)
  const moved = changed(shared, secondHop - 12, 9)
  t.strictSame(payloadLines(addRoute(routeOn(read(shared), 7, 9))), lines(moved))
})

t.test(
  'the same route has the same key, however long it still lives',
  { skip: SKIP },
  async (t) => {
    const ticks = EXPIRES.length - 8 - 36 + 4 + 8
    t.equal(routeKey(read(changed(EXPIRES, ticks, 1))), routeKey(read(EXPIRES)))
    t.not(routeKey(read(changed(EXPIRES, 5, 4))), routeKey(read(EXPIRES)), 'another protocol')
  },
)

t.test('what is no route of the device', { skip: SKIP }, async (t) => {
  t.equal(routeOf(messageOf(RTM_NEWROUTE, ONLINK), 8), null, 'another device')
  t.equal(routeOf(messageOf(RTM_NEWROUTE, changed(ONLINK, 9, 2)), 7), null, 'RTM_F_CLONED')
  const local = changed(changed(ONLINK, 5, 2), 16, 255)
  t.ok(routeOf(messageOf(RTM_NEWROUTE, local), 7), 'proto kernel, table 511')
  t.equal(routeOf(messageOf(RTM_NEWROUTE, changed(local, 17, 0)), 7), null, 'table local')
  t.throws(() => routeOf(messageOf(RTM_NEWROUTE, changed(MULTIPATH, 32, 3)), 7), /rtnexthop/)
})

/** ip -6 route add default via fd01::1 dev eth0 table 1002 */
const FAR = hex(`
  0a 00 00 00 // rtm_family, rtm_dst_len, rtm_src_len, rtm_tos
  fc 03 00 01 // rtm_table, rtm_protocol, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  08 00 0f 00 // nla_len 8, RTA_TABLE
  ea 03 00 00 // 1002
  14 00 05 00 // nla_len 20, RTA_GATEWAY
  fd 01 00 00 00 00 00 00 00 00 00 00 00 00 00 01 // fd01::1
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
`)
const STONE = hex(`
  0a 80 00 00 // rtm_family, rtm_dst_len 128, rtm_src_len, rtm_tos
  fc 04 00 01 // rtm_table, rtm_protocol static, rtm_scope, rtm_type
  00 00 00 00 // rtm_flags 0x0
  14 00 01 00 // nla_len 20, RTA_DST
  fd 01 00 00 00 00 00 00 00 00 00 00 00 00 00 01 // fd01::1
  08 00 04 00 // nla_len 8, RTA_OIF
  07 00 00 00 // 7
  08 00 06 00 // nla_len 8, RTA_PRIORITY
  fe ff ff ff // 4294967294
  08 00 0f 00 // nla_len 8, RTA_TABLE
  ea 03 00 00 // 1002
`)

t.test('an IPv6 gateway of another table than main gets a host route to stand on', async (t) => {
  const route = routeOf(messageOf(RTM_NEWROUTE, FAR), 7)
  if (route === null) throw new Error('a route of eth0')
  const [stone, ...others] = steppingRoutes(route)
  if (stone === undefined) throw new Error('a host route')
  t.strictSame(others, [])
  t.strictSame(payloadLines(addRoute(stone)), lines(STONE))
  t.notOk(hasGateway(stone))
  const linkLocal = FAR.slice()
  linkLocal.set([0xfe, 0x80], 24)
  const main = FAR.slice()
  main.set([0xfe, 0], 16)
  for (const needless of [linkLocal, main, ONLINK]) {
    const other = routeOf(messageOf(RTM_NEWROUTE, needless), 7)
    t.strictSame(other === null ? null : steppingRoutes(other), [])
  }
})
