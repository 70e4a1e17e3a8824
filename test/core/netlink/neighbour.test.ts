/**
 * ip neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
 * The answer to RTM_GETNEIGH, and the request that makes it again.
 */
import t from 'tap'
import {
  addNeighbour,
  dumpProxyNeighbours,
  lastingNeighbourOf,
  neighbourOn,
  RTM_NEWNEIGH,
} from '../../../src/core/netlink/neighbour.js'
import { hex, lines, messageOf, payloadLines, SKIP } from './hex.js'

const PERMANENT = hex(`
  02 00 00 00 // ndm_family
  07 00 00 00 // ndm_ifindex 7
  80 00 00 01 // ndm_state, ndm_flags, ndm_type
  08 00 01 00 // nla_len 8, NDA_DST
  a9 fe 01 01 // 169.254.1.1
  0a 00 02 00 // nla_len 10, NDA_LLADDR
  ee ee ee ee ee ee // value
  00 00 // padding
  08 00 04 00 // nla_len 8, NDA_PROBES
  00 00 00 00 // 0
  14 00 03 00 // nla_len 20, NDA_CACHEINFO
  07 00 00 00 07 00 00 00 07 00 00 00 00 00 00 00 // value
`)
const ADD = hex(`
  02 00 00 00 // ndm_family
  07 00 00 00 // ndm_ifindex 7
  80 00 00 01 // ndm_state, ndm_flags, ndm_type
  08 00 01 00 // nla_len 8, NDA_DST
  a9 fe 01 01 // 169.254.1.1
  0a 00 02 00 // nla_len 10, NDA_LLADDR
  ee ee ee ee ee ee // value
  00 00 // padding
`)

t.test('a permanent neighbour, without its counters', { skip: SKIP }, async (t) => {
  const neighbour = lastingNeighbourOf(messageOf(RTM_NEWNEIGH, PERMANENT), 7)
  t.strictSame(neighbour === null ? null : payloadLines(addNeighbour(neighbour)), lines(ADD))
})

t.test('on another device', { skip: SKIP }, async (t) => {
  const neighbour = lastingNeighbourOf(messageOf(RTM_NEWNEIGH, PERMANENT), 7)
  const moved = neighbour === null ? null : neighbourOn(neighbour, 10_100_001)
  t.strictSame([...(moved?.header.slice(4, 8) ?? [])], [0x21, 0x1d, 0x9a, 0x00])
  t.equal(neighbour?.header[4], 7, 'the one that was read stays')
})

t.test('one that was learned, or is of another device', { skip: SKIP }, async (t) => {
  const reachable = PERMANENT.slice()
  reachable[8] = 0x02 // NUD_REACHABLE
  t.equal(lastingNeighbourOf(messageOf(RTM_NEWNEIGH, reachable), 7), null)
  reachable[10] = 0x08 // NTF_PROXY
  t.ok(lastingNeighbourOf(messageOf(RTM_NEWNEIGH, reachable), 7))
  t.equal(lastingNeighbourOf(messageOf(RTM_NEWNEIGH, PERMANENT), 8), null)
  t.strictSame(dumpProxyNeighbours().payload[10], 0x08)
})
