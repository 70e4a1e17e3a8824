import t from 'tap'
import { text, u32 } from '../../../src/core/netlink/attribute.js'
import { bpfFilter, decodeBpfFilter } from '../../../src/core/netlink/cls-bpf.js'
import { CLSACT_EGRESS_PARENT, replaceFilter } from '../../../src/core/netlink/filter.js'
import { D0, golden, onWire } from './golden.js'

const KEY = { ifindex: D0, priority: 1, handle: 1 }

// As `tc filter replace … handle 1 bpf direct-action object-pinned PATH` sends them, but for the name.
t.test('bpf direct-action, a program by its descriptor', (t) => {
  t.equal(
    onWire(replaceFilter(bpfFilter(KEY, 9, 'vin:1'))),
    golden(`
      4c 00 00 00 2c 00 05 04 00 00 00 00 00 00 00 00 | 76 octets, RTM_NEWTFILTER, REQUEST ACK CREATE
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      01 00 00 00 00 00 ff ff                         | tcm_handle 1, tcm_parent ffff:
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL
      08 00 01 00 62 70 66 00                         | TCA_KIND "bpf"
      20 00 02 00                                     | TCA_OPTIONS
      08 00 06 00 09 00 00 00                         |   TCA_BPF_FD
      0a 00 07 00 76 69 6e 3a 31 00 00 00             |   TCA_BPF_NAME "vin:1"
      08 00 08 00 01 00 00 00                         |   TCA_BPF_FLAGS TCA_BPF_FLAG_ACT_DIRECT
    `),
  )
  t.end()
})

t.test('on the egress of clsact, with a class', (t) => {
  const key = { ...KEY, parent: CLSACT_EGRESS_PARENT }
  t.equal(
    onWire(replaceFilter(bpfFilter(key, 9, 'vin:1', 7))),
    golden(`
      54 00 00 00 2c 00 05 04 00 00 00 00 00 00 00 00 | 84 octets, RTM_NEWTFILTER, REQUEST ACK CREATE
      00 00 00 00 03 00 00 00                         | tcm_ifindex
      01 00 00 00 f3 ff ff ff                         | tcm_handle 1, tcm_parent TC_H_CLSACT, egress
      00 03 01 00                                     | tcm_info: prio 1, ETH_P_ALL
      08 00 01 00 62 70 66 00                         | TCA_KIND "bpf"
      28 00 02 00                                     | TCA_OPTIONS
      08 00 03 00 07 00 00 00                         |   TCA_BPF_CLASSID
      08 00 06 00 09 00 00 00                         |   TCA_BPF_FD
      0a 00 07 00 76 69 6e 3a 31 00 00 00             |   TCA_BPF_NAME "vin:1"
      08 00 08 00 01 00 00 00                         |   TCA_BPF_FLAGS TCA_BPF_FLAG_ACT_DIRECT
    `),
  )
  t.end()
})

t.test('what the kernel gives back names the program', (t) => {
  const options = [text(7, 'vin:1'), u32(8, 1), u32(11, 42)]
  t.same(decodeBpfFilter({ ...KEY, kind: 'bpf', options }), {
    name: 'vin:1',
    isDirectAction: true,
    programId: 42,
    classid: 0,
  })
  t.equal(decodeBpfFilter({ ...KEY, kind: 'bpf', options: [u32(3, 7), ...options] })?.classid, 7)
  t.equal(decodeBpfFilter({ ...KEY, kind: 'bpf', options: [] }), null, 'no program yet')
  t.equal(decodeBpfFilter({ ...KEY, kind: 'u32', options }), null)
  t.end()
})
