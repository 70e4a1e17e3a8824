/** Makes Initial packets as a client or server would: RFC 9001 §5, with node:crypto. */
import { createCipheriv } from 'node:crypto'
import { fromLatin1 } from '../../../../src/core/bytes.js'
import { initialKeys, type Side } from '../../../../src/dpd/dpi/quic/keys.js'
import { knownVersion } from '../../../../src/dpd/dpi/quic/version.js'

export type Octets = readonly number[]

export const V1 = 0x00000001
export const V2 = 0x6b3343cf
export const hex = (digits: string): Octets => [...Buffer.from(digits.replace(/\s+/g, ''), 'hex')]
export const text = (octets: Octets): string => Buffer.from(octets).toString('latin1')

const TAG_OCTETS = 16
const u32 = (value: number): Octets => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff)

/** RFC 9000 §16, in two octets unless it is small. */
export function varint(value: number): Octets {
  if (value < 0x40) return [value]
  if (value < 0x4000) return [0x40 | (value >> 8), value & 0xff]
  return [0x80 | (value >>> 24), ...u32(value).slice(1)]
}

export const crypto = (offset: number, data: Octets): Octets => [
  ...[6, ...varint(offset), ...varint(data.length)],
  ...data,
]
export const padding = (octets: number): Octets => Array.from({ length: octets }, () => 0)

export interface Initial {
  readonly version?: number
  readonly side?: Side
  /** By which the keys are made: the client's first. */
  readonly keyCid: Octets
  readonly dcid?: Octets
  readonly scid?: Octets
  readonly token?: Octets
  readonly number?: number
  readonly numberOctets?: number
  /** The packet is padded to it. */
  readonly octets?: number
}

/** One protected packet. */
export function sealInitial(frames: Octets, packet: Initial): Octets {
  const { version = V1, side = 'client', keyCid, dcid = keyCid, scid = [], token = [] } = packet
  const { number = 0, numberOctets = 4, octets = 0 } = packet
  const known = knownVersion(version)
  if (known === undefined) throw new Error('a version without Initial keys')
  const type = known.types.indexOf('initial')
  const head = [
    ...[0xc0 | (type << 4) | (numberOctets - 1), ...u32(version)],
    ...[dcid.length, ...dcid, scid.length, ...scid],
    ...[...varint(token.length), ...token],
  ]
  const overhead = head.length + 2 + numberOctets + TAG_OCTETS
  const plain = [...frames, ...padding(Math.max(0, octets - overhead - frames.length))]
  const length = numberOctets + plain.length + TAG_OCTETS
  const numberAt = head.length + 2
  const header = [
    ...head,
    0x40 | (length >> 8),
    length & 0xff,
    ...u32(number).slice(4 - numberOctets),
  ]
  const keys = initialKeys(known, text(keyCid), side)
  const nonce = keys.iv.map((octet, i) => octet ^ (i < 8 ? 0 : (u32(number)[i - 8] ?? 0)))
  const cipher = createCipheriv('aes-128-gcm', keys.key, nonce)
  cipher.setAAD(Uint8Array.from(header))
  const sealed = [
    ...cipher.update(Uint8Array.from(plain)),
    ...cipher.final(),
    ...cipher.getAuthTag(),
  ]
  const out = [...header, ...sealed]
  const sample = Uint8Array.from(out.slice(numberAt + 4, numberAt + 20))
  const mask = createCipheriv('aes-128-ecb', keys.hp, null).update(sample)
  out[0] = (out[0] ?? 0) ^ ((mask[0] ?? 0) & 0x0f)
  for (let i = 0; i < numberOctets; i++) {
    out[numberAt + i] = (out[numberAt + i] ?? 0) ^ (mask[i + 1] ?? 0)
  }
  return out
}

/** A long header of another type, as long as it says; what is in it is not for us. */
export function otherPacket(type: number, dcid: Octets, octets = 40, version = V1): Octets {
  const head = [0xc0 | (type << 4), ...u32(version), dcid.length, ...dcid, 0]
  return [...head, ...varint(octets), ...Array.from({ length: octets }, (_, i) => (i * 7) & 0xff)]
}

/** RFC 9000 §17.2.5: the token, then an integrity tag; the types of version 1. */
export const retryPacket = (dcid: Octets, scid: Octets): Octets => [
  ...[0xf0, ...u32(V1), dcid.length, ...dcid, scid.length, ...scid],
  ...fromLatin1('a token, and the tag of the Retry packet'),
]

export const versionNegotiation = (dcid: Octets, scid: Octets): Octets => [
  ...[0x80, ...u32(0), dcid.length, ...dcid, scid.length, ...scid],
  ...[...u32(V1), ...u32(V2)],
]
