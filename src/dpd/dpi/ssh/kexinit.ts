/** SSH_MSG_KEXINIT (RFC 4253 §7.1) and HASSH, the MD5 of what it offers. */
import { latin1, Reader } from '../../../core/bytes.js'
import { remembering } from '../../../core/digest-memo.js'
import { md5Hex } from '../../../core/md5.js'
import { Message } from './packet.js'

const COOKIE_OCTETS = 16
/** Names in order of preference (RFC 4251 §5, §6). */
const NAME_LIST = /^(?:[\x21-\x2b\x2d-\x7e]+(?:,[\x21-\x2b\x2d-\x7e]+)*)?$/

const hasshOf = remembering(md5Hex)

/** The name-lists that are read, of the ten, in their order. */
const LISTS = [
  ...['kex', 'hostKey', 'encryptionToServer', 'encryptionToClient', 'macToServer', 'macToClient'],
  ...['compressionToServer', 'compressionToClient', 'languagesToServer', 'languagesToClient'],
] as const

export interface KexInit {
  /** Of the lists that a client sends in. */
  readonly hassh: string
  /** Of the lists that a server sends in. */
  readonly hasshServer: string
}

/** null = malformed. */
export function readKexInit(payload: Uint8Array): KexInit | null {
  const reader = new Reader(payload)
  if (reader.u8() !== Message.kexinit) return null
  reader.skip(COOKIE_OCTETS)
  const lists: Partial<Record<(typeof LISTS)[number], string>> = {}
  for (const name of LISTS) {
    const list = latin1(reader.octets(reader.u32be()))
    if (!NAME_LIST.test(list)) return null
    lists[name] = list
  }
  // first_kex_packet_follows and a reserved word; whoever extends the message may add octets.
  reader.skip(5)
  if (reader.short) return null
  const { kex } = lists
  return {
    hassh: hasshOf(
      [kex, lists.encryptionToServer, lists.macToServer, lists.compressionToServer].join(';'),
    ),
    hasshServer: hasshOf(
      [kex, lists.encryptionToClient, lists.macToClient, lists.compressionToClient].join(';'),
    ),
  }
}
