import t from 'tap'
import {
  addFilter,
  decodeFilter,
  decodeFound,
  decodeTcMessage,
  deleteFilter,
  deleteFound,
  dumpFilters,
  encodeTcMessage,
  getFilter,
  RTM_NEWTFILTER,
} from '../../../src/core/netlink/filter.js'
import { D0, golden, onWire, PRIORITY } from './golden.js'

t.test('tc filter del dev d0 parent ffff: prio 1 protocol all handle 800::5 u32', (t) => {
  const key = { ifindex: D0, priority: PRIORITY, handle: 0x8000_0005 }
  t.equal(
    onWire(deleteFilter(key, 'u32')),
    golden(`
      2c 00 00 00 2d 00 05 00 00 00 00 00 00 00 00 00 | 44 octets, RTM_DELTFILTER, REQUEST ACK
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      05 00 00 80 00 00 ff ff                         | tcm_handle 800::5, tcm_parent ffff:
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL in network order
      08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
    `),
  )
  t.end()
})

t.test('tc filter del dev d0 parent ffff: prio 1 protocol all u32', (t) => {
  t.equal(
    onWire(deleteFilter({ ifindex: D0, priority: PRIORITY, handle: 0 }, 'u32')),
    golden(`
      2c 00 00 00 2d 00 05 00 00 00 00 00 00 00 00 00 | 44 octets, RTM_DELTFILTER, REQUEST ACK
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      00 00 00 00 00 00 ff ff                         | tcm_handle: all of prio 1, tcm_parent ffff:
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL in network order
      08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
    `),
  )
  t.end()
})

t.test('tc filter del dev d0 parent ffff: chain 4 prio 7 u32, of any protocol', (t) => {
  const found = { ifindex: D0, priority: 7, handle: 0, kind: 'u32', options: [], chain: 4 }
  t.equal(
    onWire(deleteFound(found)),
    golden(`
      34 00 00 00 2d 00 05 00 00 00 00 00 00 00 00 00 | 52 octets, RTM_DELTFILTER, REQUEST ACK
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      00 00 00 00 00 00 ff ff                         | tcm_handle: all of prio 7, tcm_parent ffff:
      00 00 07 00                                     | tcm_info: prio 7, any protocol
      08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
      08 00 0b 00 04 00 00 00                         | TCA_CHAIN 4
    `),
  )
  const { payload } = deleteFound(found)
  const message = { type: RTM_NEWTFILTER, flags: 0, sequence: 1, portId: 0, payload }
  t.match(decodeFound(message), { chain: 4, priority: 7, kind: 'u32' })
  t.end()
})

t.test('tc filter get dev d0 parent ffff: prio 1 protocol all handle 1:34:91 u32', (t) => {
  // tc asks with NLM_F_ECHO; we ask for an acknowledgement, which ends the answer.
  t.equal(
    onWire(getFilter({ ifindex: D0, priority: PRIORITY, handle: 0x0013_4091 }, 'u32')),
    golden(`
      2c 00 00 00 2e 00 05 00 00 00 00 00 00 00 00 00 | 44 octets, RTM_GETTFILTER, REQUEST ACK
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      91 40 13 00 00 00 ff ff                         | tcm_handle 1:34:91, tcm_parent ffff:
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL in network order
      08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
    `),
  )
  t.end()
})

t.test('tc filter show dev d0 parent ffff:', (t) => {
  t.equal(
    onWire(dumpFilters(D0)),
    golden(`
      24 00 00 00 2e 00 01 03 00 00 00 00 00 00 00 00 | 36 octets, RTM_GETTFILTER, REQUEST DUMP
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      00 00 00 00 00 00 ff ff                         | tcm_handle, tcm_parent ffff:
      00 00 00 00                                     | tcm_info: any
    `),
  )
  t.end()
})

t.test('tcmsg is decoded as it was encoded', (t) => {
  const tc = {
    ifindex: 10_000_000,
    handle: 0x8000_0fff,
    parent: 0xffff_0000,
    priority: 65000,
    protocol: 0x86dd,
  }
  t.same(decodeTcMessage(encodeTcMessage(tc)), tc)
  t.throws(() => decodeTcMessage(new Uint8Array(19)), /tcmsg: 19 octets/)
  t.end()
})

t.test('what the kernel gives back', (t) => {
  const filter = { ifindex: D0, priority: PRIORITY, handle: 7, kind: 'u32', options: [] }
  const { type, payload } = addFilter(filter)
  const message = { type, flags: 0, sequence: 1, portId: 0, payload }
  t.same(decodeFilter(message), filter, 'without TCA_OPTIONS: a classifier that has no filter yet')
  t.equal(decodeFilter({ ...message, type: 2 }), null, 'another type of message')
  t.throws(() => decodeFilter({ ...message, payload: payload.subarray(0, 27) }), 'cut short')
  t.end()
})
