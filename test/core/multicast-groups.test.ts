import t from 'tap'
import { joinedGroups } from '../../src/core/multicast-groups.js'

/** Copied from a namespace on x86-64 whose process had joined 239.7.7.7 and ff05::7. */
const igmp = `Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter
1\tlo        :     1      V3
\t\t\t\t010000E0     1 0:00000000\t\t0
2\teth0      :     2      V3
\t\t\t\t070707EF     1 0:00000000\t\t1
\t\t\t\t010000E0     1 0:00000000\t\t0
3\tnet1      :     1      V3
\t\t\t\t090909EF     1 0:00000000\t\t1
`
const igmp6 = `1    lo              ff020000000000000000000000000001     1 0000000C 0
2    eth0            ff050000000000000000000000000007     1 00000004 0
2    eth0            ff0200000000000000000001ff000001     1 00000004 0
2    eth0            ff020000000000000000000000000001     1 0000000C 0
2    eth0            ff010000000000000000000000000001     1 00000008 0
`

t.test('what processes joined on one interface', (t) => {
  t.same(joinedGroups({ igmp, igmp6 }, 'eth0', true), ['239.7.7.7', 'ff05::7'])
  t.same(joinedGroups({ igmp, igmp6 }, 'lo', true), [])
  t.same(joinedGroups({ igmp: '', igmp6: '' }, 'eth0', true), [], 'files that are not there')
  t.end()
})
