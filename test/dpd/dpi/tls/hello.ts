/** Builds hellos octet by octet, right and wrong ones alike. */
import { fromLatin1 } from '../../../../src/core/bytes.js'

export type Octets = readonly number[]

export const u16 = (value: number): Octets => [value >> 8, value & 0xff]
const u24 = (value: number): Octets => [value >> 16, (value >> 8) & 0xff, value & 0xff]
export const text = (characters: string): Octets => [...fromLatin1(characters)]
export const v8 = (octets: Octets): Octets => [octets.length, ...octets]
export const v16 = (octets: Octets): Octets => [...u16(octets.length), ...octets]

export const extension = (type: number, data: Octets): Octets => [...u16(type), ...v16(data)]
export const serverName = (...names: readonly string[]): Octets =>
  extension(0, v16(names.flatMap((name) => [0, ...v16(text(name))])))
export const alpn = (...names: readonly string[]): Octets =>
  extension(16, v16(names.flatMap((name) => v8(text(name)))))
export const supportedVersions = (...versions: readonly number[]): Octets =>
  extension(43, v8(versions.flatMap(u16)))
export const ech = extension(0xfe0d, [0, 1, 2])

const RANDOM: Octets = Array.from({ length: 32 }, (_, index) => index)

/** `extensions` null = none at all. */
export function clientHello(extensions: Octets | null, version = 0x0303): Octets {
  const block = extensions === null ? [] : v16(extensions)
  return message(1, [...u16(version), ...RANDOM, 0, ...v16(u16(0x1301)), 1, 0, ...block])
}

export const serverHello = (extensions: Octets, random: Octets = RANDOM): Octets =>
  message(2, [...u16(0x0303), ...random, 0, ...u16(0x1301), 0, ...v16(extensions)])

export const message = (type: number, body: Octets): Octets => [type, ...u24(body.length), ...body]

/** Records of `most` octets each. */
export function records(octets: Octets, most = 16_384, type = 22): Uint8Array {
  const out: number[] = []
  for (let at = 0; at < octets.length; at += most) {
    out.push(type, 3, 1, ...v16(octets.slice(at, at + most)))
  }
  return Uint8Array.from(out)
}
