/**
 * ip neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0 nud permanent
 * The answer to RTM_GETNEIGH, and the request that makes it again.
 */
import t from 'tap'
import {
  addNeighbour,
  dumpProxyNeighbours,
  lastingNeighbourOf,
  learnedNeighbourOf,
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

t.test('one that was learned is yet to be confirmed elsewhere', { skip: SKIP }, async (t) => {
  const neighbour = PERMANENT.slice()
  const told = (state: number, flags = 0, ifindex = 7): string[] | null => {
    neighbour[8] = state
    neighbour[10] = flags
    const learned = learnedNeighbourOf(messageOf(RTM_NEWNEIGH, neighbour), ifindex)
    return learned === null ? null : payloadLines(addNeighbour(learned))
  }
  const stale = ADD.slice()
  stale[8] = 0x04 // NUD_STALE
  for (const state of [0x02, 0x04, 0x08, 0x10]) t.strictSame(told(state), lines(stale))
  stale[10] = 0x80 // NTF_ROUTER
  t.strictSame(told(0x02, 0x80), lines(stale), 'a router stays one')
  // NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP, NUD_PERMANENT
  for (const state of [0x01, 0x20, 0x40, 0x80]) t.equal(told(state), null)
  t.equal(told(0x02, 0x08), null, 'a proxy')
  t.equal(told(0x02, 0, 8), null, 'another device')
})
