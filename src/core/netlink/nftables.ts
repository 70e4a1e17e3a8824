/** One question to nf_tables (linux/netfilter/nf_tables.h): has any ruleset of the namespace changed? */
import { decodeAttributes, find, viewOf } from './attribute.js'
import { type Message, NLM_F_ACK, type Request } from './message.js'

/** linux/netfilter/nfnetlink.h */
const NFNL_SUBSYS_NFTABLES = 10
const NFT_MSG_NEWGEN = 15
const NFT_MSG_GETGEN = 16
const NFTA_GEN_ID = 1
/** struct nfgenmsg: u8 family, u8 version, __be16 res_id. */
const NFGENMSG_OCTETS = 4

export function getRulesetGeneration(): Request {
  return {
    type: (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN,
    flags: NLM_F_ACK,
    payload: new Uint8Array(NFGENMSG_OCTETS),
    subject: 'NFT_MSG_GETGEN',
  }
}

/** Counts every transaction; null = another message. */
export function decodeRulesetGeneration({ type, payload }: Message): number | null {
  if (type !== ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN)) return null
  const id = find(decodeAttributes(payload.subarray(NFGENMSG_OCTETS)), NFTA_GEN_ID)
  if (id === null || id.octets.length < 4) return null
  // Network order, as all of nf_tables.
  return viewOf(id.octets).getUint32(0, false)
}
