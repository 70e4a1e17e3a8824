import t from 'tap'
import { binary, encodeAttributes, nested, u16 } from '../../../src/core/netlink/attribute.js'
import { decodePedit, type Pedit, peditOptions } from '../../../src/core/netlink/pedit.js'
import { golden, hexOf } from './golden.js'

const SET_DESTINATION: Pedit = {
  kind: 'pedit',
  verdict: 'pipe',
  keys: [
    { header: 'eth', offset: 0, keep: 0, flip: 0x4e65_7556 },
    { header: 'eth', offset: 4, keep: 0xffff, flip: 0x1234_0000 },
  ],
}

t.test('action pedit ex munge eth dst set 4e:65:75:56:12:34 pipe', (t) => {
  t.equal(
    hexOf(encodeAttributes(peditOptions(SET_DESTINATION))),
    golden(`
      4c 00 04 00                                     | TCA_PEDIT_PARMS_EX
      00 00 00 00 00 00 00 00 03 00 00 00             |   index, capab, TC_ACT_PIPE
      00 00 00 00 00 00 00 00                         |   refcnt, bindcnt
      02 00 00 00                                     |   nkeys, flags, pad
      00 00 00 00 4e 65 75 56 00 00 00 00             |   key: mask, val, off 0
      00 00 00 00 00 00 00 00 00 00 00 00             |     at, offmask, shift
      00 00 ff ff 12 34 00 00 04 00 00 00             |   key: mask, val, off 4
      00 00 00 00 00 00 00 00 00 00 00 00             |     at, offmask, shift
      2c 00 05 80                                     | TCA_PEDIT_KEYS_EX, NLA_F_NESTED
      14 00 06 80                                     |   TCA_PEDIT_KEY_EX, NLA_F_NESTED
      06 00 01 00 01 00 00 00                         |     TCA_PEDIT_KEY_EX_HTYPE eth
      06 00 02 00 00 00 00 00                         |     TCA_PEDIT_KEY_EX_CMD set
      14 00 06 80                                     |   TCA_PEDIT_KEY_EX, NLA_F_NESTED
      06 00 01 00 01 00 00 00                         |     TCA_PEDIT_KEY_EX_HTYPE eth
      06 00 02 00 00 00 00 00                         |     TCA_PEDIT_KEY_EX_CMD set
    `),
  )
  t.same(decodePedit(peditOptions(SET_DESTINATION)), SET_DESTINATION)
  t.end()
})

t.test('a negative offset from the network header survives', (t) => {
  const scratch: Pedit = {
    kind: 'pedit',
    verdict: 'continue',
    keys: [{ header: 'network', offset: -16, keep: 0, flip: 0x1234_0100 }],
  }
  t.same(decodePedit(peditOptions(scratch)), scratch)
  t.end()
})

t.test('keys that we never install, or cut short, are not ours', (t) => {
  const [parms, keys] = peditOptions(SET_DESTINATION)
  const add = nested(6, [u16(1, 1), u16(2, 1)]) // TCA_PEDIT_KEY_EX_CMD_ADD
  t.equal(decodePedit([binary(4, parms?.octets ?? new Uint8Array()), nested(5, [add, add])]), null)
  t.equal(
    decodePedit([binary(4, parms?.octets.subarray(0, 47) ?? new Uint8Array()), nested(5, [add])]),
    null,
  )
  t.equal(decodePedit(keys === undefined ? [] : [keys]), null)
  t.end()
})
