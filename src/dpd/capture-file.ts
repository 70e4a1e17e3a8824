/** A capture file's octets, gzipped or not. */
import { gunzipSync } from 'node:zlib'

/** RFC 1952 §2.3.1 */
const GZIP_MAGIC = [0x1f, 0x8b]
/** A larger capture is cut by editcap(1) first; a gzip bomb ends here. */
export const UNPACKED_OCTETS_MAX = 2 ** 31

export function unpackCapture(file: Uint8Array, limitOctets = UNPACKED_OCTETS_MAX): Uint8Array {
  const isPacked = GZIP_MAGIC.every((octet, at) => file[at] === octet)
  return isPacked ? gunzipSync(file, { maxOutputLength: limitOctets }) : file
}
