/** The answer to NFT_MSG_GETGEN. */
import t from 'tap'
import {
  decodeRulesetGeneration,
  getRulesetGeneration,
} from '../../../src/core/netlink/nftables.js'
import { hex } from './hex.js'

const message = (type: number, payload: Uint8Array) => ({
  ...{ type, flags: 0, sequence: 1, portId: 0, payload },
})

t.test('the generation of the ruleset', async (t) => {
  const payload = hex(`
    00 00 00 07 // nfgen_family, version, res_id
    08 00 01 00 // nla_len 8, NFTA_GEN_ID
    00 00 01 02 // 258, network order
    08 00 02 00 // nla_len 8, NFTA_GEN_PROC_PID
    00 00 00 09
  `)
  t.equal(decodeRulesetGeneration(message(0x0a0f, payload)), 258)
  t.equal(decodeRulesetGeneration(message(0x0a0f, payload.subarray(0, 4))), null)
  t.equal(decodeRulesetGeneration(message(0x0a10, payload)), null)
  t.match(getRulesetGeneration(), { type: 0x0a10, payload: new Uint8Array(4) })
})
