/**
 * Protection of Initial packets: keys that anybody can derive from the client's first Destination Connection ID
 * (RFC 9001 §5.2 to §5.4). AES and HMAC are node:crypto's; see docs/decisions/0019-quic-crypto.md.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { fromLatin1 } from '../../../core/bytes.js'
import type { LongPacket } from './packet.js'
import type { QuicVersion } from './version.js'

export type Side = 'client' | 'server'

const SECRET_OCTETS = 32
const KEY_OCTETS = 16
const IV_OCTETS = 12
const TAG_OCTETS = 16
const SAMPLE_OCTETS = 16
/** The sample begins where the number would end if it were this long (RFC 9001 §5.4.2). */
const NUMBER_OCTETS_MAX = 4

export interface InitialKeys {
  readonly key: Uint8Array
  readonly iv: Uint8Array
  readonly hp: Uint8Array
}

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(data).digest()

/** HKDF-Expand-Label with an empty context (RFC 8446 §7.1); one block of output is enough. */
function expand(secret: Uint8Array, label: string, octets: number): Uint8Array {
  const name = `tls13 ${label}`
  const info = [0, octets, name.length, ...fromLatin1(name), 0, 1]
  return hmac(secret, Uint8Array.from(info)).subarray(0, octets)
}

export function initialKeys({ salt, labels }: QuicVersion, dcid: string, side: Side): InitialKeys {
  const secret = expand(hmac(salt, fromLatin1(dcid)), `${side} in`, SECRET_OCTETS)
  return {
    key: expand(secret, labels.key, KEY_OCTETS),
    iv: expand(secret, labels.iv, IV_OCTETS),
    hp: expand(secret, labels.hp, KEY_OCTETS),
  }
}

export interface Opened {
  readonly number: number
  readonly payload: Uint8Array
}

/** null = not protected with these keys. `expected` = one more than the largest number opened before. */
export function openPacket(
  keys: InitialKeys,
  datagram: Uint8Array,
  { at, numberAt, end }: LongPacket,
  expected: number,
): Opened | null {
  const sampleAt = numberAt + NUMBER_OCTETS_MAX
  if (sampleAt + SAMPLE_OCTETS > end) return null
  const sample = datagram.subarray(sampleAt, sampleAt + SAMPLE_OCTETS)
  const mask = createCipheriv('aes-128-ecb', keys.hp, null).update(sample)
  const first = (datagram[at] ?? 0) ^ ((mask[0] ?? 0) & 0x0f)
  const numberOctets = (first & 3) + 1
  // A copy also of a Buffer, whose own slice is none.
  const header = Uint8Array.from(datagram.subarray(at, numberAt + numberOctets))
  header[0] = first
  let truncated = 0
  for (let i = 0; i < numberOctets; i++) {
    const octet = (datagram[numberAt + i] ?? 0) ^ (mask[i + 1] ?? 0)
    header[numberAt - at + i] = octet
    truncated = truncated * 256 + octet
  }
  const number = wholeNumber(truncated, 256 ** numberOctets, expected)
  const sealed = datagram.subarray(numberAt + numberOctets, end)
  const payload = unseal(keys, number, header, sealed)
  return payload === null ? null : { number, payload }
}

/** The number nearest to the expected one that ends so (RFC 9000 A.3). */
function wholeNumber(truncated: number, window: number, expected: number): number {
  const candidate = expected - (expected % window) + truncated
  if (candidate <= expected - window / 2) return candidate + window
  return candidate > expected + window / 2 && candidate >= window ? candidate - window : candidate
}

/** AEAD_AES_128_GCM (RFC 9001 §5.3): the nonce is the IV with the number in its low octets. */
function unseal(
  { key, iv }: InitialKeys,
  number: number,
  header: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | null {
  const nonce = Uint8Array.from(iv)
  let rest = number
  for (let i = IV_OCTETS - 1; rest > 0 && i >= 0; i--) {
    nonce[i] = (nonce[i] ?? 0) ^ (rest % 256)
    rest = Math.floor(rest / 256)
  }
  const tagAt = sealed.length - TAG_OCTETS
  if (tagAt < 0) return null
  const decipher = createDecipheriv('aes-128-gcm', key, nonce)
  decipher.setAAD(header)
  decipher.setAuthTag(sealed.subarray(tagAt))
  const payload = decipher.update(sealed.subarray(0, tagAt))
  try {
    decipher.final()
  } catch {
    return null
  }
  return payload
}
