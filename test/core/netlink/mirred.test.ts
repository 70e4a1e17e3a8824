import t from 'tap'
import { binary, encodeAttributes } from '../../../src/core/netlink/attribute.js'
import { decodeMirred, mirredOptions } from '../../../src/core/netlink/mirred.js'
import { golden, hexOf } from './golden.js'

t.test('action mirred egress redirect dev d0', (t) => {
  const redirect = { kind: 'mirred', eaction: 'redirect', ifindex: 3 } as const
  t.equal(
    hexOf(encodeAttributes(mirredOptions(redirect))),
    golden(`
      20 00 02 00                         | TCA_MIRRED_PARMS
      00 00 00 00 00 00 00 00 04 00 00 00 |   index, capab, TC_ACT_STOLEN
      00 00 00 00 00 00 00 00             |   refcnt, bindcnt
      01 00 00 00 03 00 00 00             |   TCA_EGRESS_REDIR, ifindex
    `),
  )
  t.same(decodeMirred(mirredOptions(redirect)), redirect)
  t.end()
})

t.test('towards ingress, cut short, or absent: not ours', (t) => {
  const parms = mirredOptions({ kind: 'mirred', eaction: 'mirror', ifindex: 3 })[0]?.octets
  const ingress = Uint8Array.from(parms ?? [])
  ingress[20] = 3 // TCA_INGRESS_REDIR
  t.equal(decodeMirred([binary(2, ingress)]), null)
  t.equal(decodeMirred([binary(2, ingress.subarray(0, 27))]), null)
  t.equal(decodeMirred([]), null)
  t.end()
})
