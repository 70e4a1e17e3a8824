import t from 'tap'
import { decodeFilter, replaceFilter } from '../../../src/core/netlink/filter.js'
import {
  addU32Table,
  decodeU32Counts,
  decodeU32Node,
  ROOT_TABLE,
  type U32Node,
  u32Filter,
  u32Handle,
} from '../../../src/core/netlink/u32.js'
import { asMessage, D0, golden, onWire, PRIORITY } from './golden.js'

const DEVICE = { ifindex: D0, priority: PRIORITY }

t.test('tc filter add … handle 1: u32 divisor 256', (t) => {
  t.equal(
    onWire(addU32Table(DEVICE, 1, 256)),
    golden(`
      38 00 00 00 2c 00 05 06 00 00 00 00 00 00 00 00 | 56 octets, RTM_NEWTFILTER, REQUEST ACK EXCL CREATE
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      00 00 10 00 00 00 ff ff                         | tcm_handle 1:, tcm_parent ffff:
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL
      08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
      0c 00 02 00                                     | TCA_OPTIONS
      08 00 04 00 00 01 00 00                         |   TCA_U32_DIVISOR 256
    `),
  )
  t.end()
})

const LINK: U32Node = {
  table: ROOT_TABLE,
  bucket: 0,
  node: 5,
  matches: [
    { offset: -16, mask: 0x0000_ffff, value: 0x4e65 },
    { offset: -12, mask: 0xffff_0000, value: 0x7556_0000 },
  ],
  link: { table: 1, hashKey: { offset: -12, mask: 0xff } },
  actions: [],
}
const LINK_GOLDEN = `
  6c 00 00 00 2c 00 05 04 00 00 00 00 00 00 00 00 | 108 octets, RTM_NEWTFILTER, REQUEST ACK CREATE
  00 00 00 00 03 00 00 00                         | tcm_ifindex
  05 00 00 80 00 00 ff ff                         | tcm_handle 800::5, tcm_parent ffff:
  00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL
  08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
  40 00 02 00                                     | TCA_OPTIONS
  08 00 03 00 00 00 10 00                         |   TCA_U32_LINK 1:
  34 00 05 00                                     |   TCA_U32_SEL
  00 00 02 00 00 00 00 00 00 00                   |     flags, offshift, nkeys 2, pad, offmask, off, offoff
  f4 ff 00 00 00 ff                               |     hoff -12, hmask 0x000000ff in network order
  00 00 ff ff 00 00 4e 65 f0 ff ff ff 00 00 00 00 |     key: mask, value, off -16, offmask
  ff ff 00 00 75 56 00 00 f4 ff ff ff 00 00 00 00 |     key: mask, value, off -12, offmask
`
t.test(
  '… handle 800::5 u32 match u16 0x4e65 at -14 match u16 0x7556 at -12 hashkey … link 1:',
  (t) => {
    t.equal(onWire(replaceFilter(u32Filter(DEVICE, LINK))), golden(LINK_GOLDEN))
    const filter = decodeFilter(asMessage(LINK_GOLDEN))
    t.same(filter && decodeU32Node(filter), LINK)
    t.end()
  },
)

const MIRROR: U32Node = {
  table: 1,
  bucket: 0x34,
  node: 0x91,
  matches: [{ offset: -12, mask: 0xffff, value: 0x1234 }],
  actions: [{ kind: 'mirred', eaction: 'mirror', ifindex: D0 }],
}
const MIRROR_GOLDEN = `
  94 00 00 00 2c 00 05 04 00 00 00 00 00 00 00 00 | 148 octets, RTM_NEWTFILTER, REQUEST ACK CREATE
  00 00 00 00 03 00 00 00                         | tcm_ifindex
  91 40 13 00 00 00 ff ff                         | tcm_handle 1:34:91, tcm_parent ffff:
  00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL
  08 00 01 00 75 33 32 00                         | TCA_KIND "u32"
  68 00 02 00                                     | TCA_OPTIONS
  38 00 07 00                                     |   TCA_U32_ACT
  34 00 01 00                                     |     action 1
  0b 00 01 00 6d 69 72 72 65 64 00 00             |       TCA_ACT_KIND "mirred"
  24 00 02 80                                     |       TCA_ACT_OPTIONS, NLA_F_NESTED
  20 00 02 00                                     |         TCA_MIRRED_PARMS
  00 00 00 00 00 00 00 00 03 00 00 00             |           index, capab, TC_ACT_PIPE
  00 00 00 00 00 00 00 00                         |           refcnt, bindcnt
  02 00 00 00 03 00 00 00                         |           TCA_EGRESS_MIRROR, ifindex
  08 00 02 00 00 40 13 00                         |   TCA_U32_HASH 1:34:
  24 00 05 00                                     |   TCA_U32_SEL
  01 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 |     TC_U32_TERMINAL, nkeys 1
  00 00 ff ff 00 00 12 34 f4 ff ff ff 00 00 00 00 |     key: mask, value, off -12, offmask
`
t.test('… handle 1:34:91 u32 ht 1:34: match u16 0x1234 at -10 action mirred egress mirror', (t) => {
  t.equal(onWire(replaceFilter(u32Filter(DEVICE, MIRROR))), golden(MIRROR_GOLDEN))
  const filter = decodeFilter(asMessage(MIRROR_GOLDEN))
  const node = filter && decodeU32Node(filter)
  t.same(node?.matches, MIRROR.matches)
  t.same(node?.actions, [{ action: MIRROR.actions[0], packets: 0, octets: 0 }])
  t.equal(node && u32Handle(node), 0x0013_4091)
  t.end()
})

t.test('a hash table is no node, nor is another classifier', (t) => {
  const table = { ...DEVICE, handle: 0x0010_0000, kind: 'u32', options: [] }
  t.equal(decodeU32Node(table), null)
  t.equal(decodeU32Node({ ...u32Filter(DEVICE, LINK), kind: 'flower' }), null)
  t.end()
})

t.test('how often the kernel came to a node, and how often it matched', (t) => {
  const filter = u32Filter(DEVICE, LINK)
  t.equal(decodeU32Counts(filter), null, 'a kernel without CONFIG_CLS_U32_PERF')
  // TCA_U32_PCNT: rcnt, rhit, one count for each of the two matches.
  const octets = Buffer.from(
    golden(`
    04 01 00 00 00 00 00 00 | rcnt 260
    c8 00 00 00 00 00 00 00 | rhit 200
    c9 00 00 00 00 00 00 00 | kcnts[0]
    c8 00 00 00 00 00 00 00 | kcnts[1]
  `),
    'hex',
  )
  const told = { ...filter, options: [...filter.options, { type: 9, flags: 0, octets }] }
  t.same(decodeU32Counts(told), { walked: 260, matched: 200 })
  t.end()
})
