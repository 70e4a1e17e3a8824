import t from 'tap'
import {
  addAction,
  decodeActionDump,
  decodeActions,
  dumpActions,
  encodeActions,
} from '../../../src/core/netlink/action.js'
import { encodeAttributes } from '../../../src/core/netlink/attribute.js'
import { golden, hexOf, onWire } from './golden.js'

const SHARED = { kind: 'gact', verdict: 'drop', index: 0x7677_0002 } as const

t.test('action pipe cookie 01020001 action drop index 1987510274 cookie 01020001', (t) => {
  const cookie = Uint8Array.of(1, 2, 0, 1)
  const actions = [
    { kind: 'gact', verdict: 'pipe', cookie },
    { ...SHARED, cookie },
  ] as const
  t.equal(
    hexOf(encodeAttributes(encodeActions(actions))),
    golden(`
      34 00 01 00                                     | action 1
      09 00 01 00 67 61 63 74 00 00 00 00             |   TCA_ACT_KIND "gact"
      1c 00 02 80                                     |   TCA_ACT_OPTIONS, NLA_F_NESTED
      18 00 02 00                                     |     TCA_GACT_PARMS
      00 00 00 00 00 00 00 00 03 00 00 00             |       index, capab, TC_ACT_PIPE
      00 00 00 00 00 00 00 00                         |       refcnt, bindcnt
      08 00 06 00 01 02 00 01                         |   TCA_ACT_COOKIE
      34 00 02 00                                     | action 2
      09 00 01 00 67 61 63 74 00 00 00 00             |   TCA_ACT_KIND "gact"
      1c 00 02 80                                     |   TCA_ACT_OPTIONS, NLA_F_NESTED
      18 00 02 00                                     |     TCA_GACT_PARMS
      02 00 77 76 00 00 00 00 02 00 00 00             |       index, capab, TC_ACT_SHOT
      00 00 00 00 00 00 00 00                         |       refcnt, bindcnt
      08 00 06 00 01 02 00 01                         |   TCA_ACT_COOKIE
    `),
  )
  const [first, second] = decodeActions(encodeActions(actions))
  t.same(first?.action, { kind: 'gact', verdict: 'pipe', index: 0, cookie })
  t.same(second?.action, actions[1])
  t.end()
})

t.test('tc actions add action drop index 1987510274', (t) => {
  const request = addAction(SHARED)
  t.equal(
    onWire(request),
    golden(`
      44 00 00 00 30 00 05 06 00 00 00 00 00 00 00 00 | 68 octets, RTM_NEWACTION, REQUEST ACK EXCL CREATE
      00 00 00 00                                     | tcamsg
      30 00 01 00                                     | TCA_ACT_TAB
      2c 00 01 00                                     |   action 1
      09 00 01 00 67 61 63 74 00 00 00 00             |     TCA_ACT_KIND "gact"
      1c 00 02 80                                     |     TCA_ACT_OPTIONS, NLA_F_NESTED
      18 00 02 00                                     |       TCA_GACT_PARMS
      02 00 77 76 00 00 00 00 02 00 00 00             |         index, capab, TC_ACT_SHOT
      00 00 00 00 00 00 00 00                         |         refcnt, bindcnt
    `),
  )
  const message = { type: request.type, flags: 0, sequence: 0, portId: 0, payload: request.payload }
  t.same(decodeActionDump(message), [{ action: SHARED, packets: 0, octets: 0 }])
  t.end()
})

t.test('tc actions list action gact', (t) => {
  t.equal(
    onWire(dumpActions('gact')),
    golden(`
      34 00 00 00 32 00 01 03 00 00 00 00 00 00 00 00 | 52 octets, RTM_GETACTION, REQUEST DUMP
      00 00 00 00                                     | tcamsg
      14 00 01 00                                     | TCA_ACT_TAB
      10 00 01 00                                     |   action 1
      09 00 01 00 67 61 63 74 00 00 00 00             |     TCA_ACT_KIND "gact"
      0c 00 02 00 01 00 00 00 01 00 00 00             | TCA_ROOT_FLAGS: TCA_ACT_FLAG_LARGE_DUMP_ON, selector
    `),
  )
  t.end()
})
