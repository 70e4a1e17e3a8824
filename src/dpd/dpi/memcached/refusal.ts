import { fromLatin1 } from '../../../core/bytes.js'
import { BINARY_HEADER_OCTETS, MAGIC_RESPONSE } from './binary.js'
import type { Open } from './transactions.js'

const TEXT = 'denied by network policy'
/** protocol-binary: "Authentication error". */
const AUTH_ERROR = 0x20

export const textRefusal = (): Uint8Array => fromLatin1(`SERVER_ERROR ${TEXT}\r\n`)

export function binaryRefusal({ opcode, opaque }: Pick<Open, 'opcode' | 'opaque'>): Uint8Array {
  const octets = new Uint8Array(BINARY_HEADER_OCTETS + TEXT.length)
  const view = new DataView(octets.buffer)
  octets.set([MAGIC_RESPONSE, opcode])
  view.setUint16(6, AUTH_ERROR)
  view.setUint32(8, TEXT.length)
  view.setUint32(12, opaque)
  octets.set(fromLatin1(TEXT), BINARY_HEADER_OCTETS)
  return octets
}
