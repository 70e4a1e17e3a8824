/**
 * Netlink attributes (struct nlattr, linux/netlink.h): type, length, value, padded to four octets.
 * Scalars are in host order unless the name says BigEndian. An unknown attribute is never an error:
 * it stays in the list, so that what was read can be sent back verbatim.
 */

export interface Attribute {
  /** nla_type without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
  readonly type: number
  /** The two flag bits of nla_type as they came; a decoder of known types ignores them. */
  readonly flags: number
  readonly octets: Uint8Array
}

export const NLA_F_NESTED = 1 << 15
export const NLA_F_NET_BYTEORDER = 1 << 14
const NLA_TYPE_MASK = ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER) & 0xffff
/** sizeof(struct nlattr). */
const NLA_HDRLEN = 4
const NLA_LENGTH_MAX = 0xffff

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The kernel's byte order is the CPU's. */
export const HOST_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/** Octets that are no well-formed netlink: cut short, or a length that points outside. */
export class NetlinkFormatError extends Error {
  override readonly name = 'NetlinkFormatError'
}

/** #define NLA_ALIGN(len) (((len) + 3) & ~3); NLMSG_ALIGN is the same. */
export function aligned(octets: number): number {
  return (octets + 3) & ~3
}

export function viewOf(octets: Uint8Array): DataView {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength)
}

export function binary(type: number, octets: Uint8Array): Attribute {
  return { type, flags: 0, octets }
}

/** Presence is the value. */
export function flag(type: number): Attribute {
  return binary(type, new Uint8Array(0))
}

function scalar(type: number, octets: number, write: (view: DataView) => void): Attribute {
  const value = new Uint8Array(octets)
  write(viewOf(value))
  return binary(type, value)
}

export function u8(type: number, value: number): Attribute {
  return scalar(type, 1, (view) => view.setUint8(0, value))
}

export function u16(type: number, value: number): Attribute {
  return scalar(type, 2, (view) => view.setUint16(0, value, HOST_LITTLE_ENDIAN))
}

export function u32(type: number, value: number): Attribute {
  return scalar(type, 4, (view) => view.setUint32(0, value, HOST_LITTLE_ENDIAN))
}

export function s32(type: number, value: number): Attribute {
  return scalar(type, 4, (view) => view.setInt32(0, value, HOST_LITTLE_ENDIAN))
}

export function u64(type: number, value: bigint): Attribute {
  return scalar(type, 8, (view) => view.setBigUint64(0, value, HOST_LITTLE_ENDIAN))
}

export function u16BigEndian(type: number, value: number): Attribute {
  return scalar(type, 2, (view) => view.setUint16(0, value, false))
}

export function u32BigEndian(type: number, value: number): Attribute {
  return scalar(type, 4, (view) => view.setUint32(0, value, false))
}

/** NLA_NUL_STRING. */
export function text(type: number, value: string): Attribute {
  const octets = encoder.encode(value)
  const terminated = new Uint8Array(octets.length + 1)
  terminated.set(octets)
  return binary(type, terminated)
}

export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return { type, flags: NLA_F_NESTED, octets: encodeAttributes(attributes) }
}

/** For the old families that refuse the flag or whose dumps come without it. */
export function nestedWithoutFlag(type: number, attributes: readonly Attribute[]): Attribute {
  return binary(type, encodeAttributes(attributes))
}

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const total = attributes.reduce((sum, a) => sum + NLA_HDRLEN + aligned(a.octets.length), 0)
  const encoded = new Uint8Array(total)
  const view = viewOf(encoded)
  let at = 0
  for (const a of attributes) {
    const length = NLA_HDRLEN + a.octets.length
    if (length > NLA_LENGTH_MAX) {
      throw new RangeError(`netlink attribute ${a.type}: ${a.octets.length} octets, at most 65531`)
    }
    view.setUint16(at, length, HOST_LITTLE_ENDIAN)
    view.setUint16(at + 2, a.type | a.flags, HOST_LITTLE_ENDIAN)
    encoded.set(a.octets, at + NLA_HDRLEN)
    at += NLA_HDRLEN + aligned(a.octets.length)
  }
  return encoded
}

/** Of the types in `wanted`, or all: each is an object, and a link has some fifty. */
export function decodeAttributes(octets: Uint8Array, wanted?: ReadonlySet<number>): Attribute[] {
  const view = viewOf(octets)
  const attributes: Attribute[] = []
  let at = 0
  while (octets.length - at >= NLA_HDRLEN) {
    const length = view.getUint16(at, HOST_LITTLE_ENDIAN)
    const typeAndFlags = view.getUint16(at + 2, HOST_LITTLE_ENDIAN)
    if (length < NLA_HDRLEN || length > octets.length - at) {
      throw new NetlinkFormatError(
        `netlink attribute ${typeAndFlags & NLA_TYPE_MASK} at octet ${at}: length ${length}, ${octets.length - at} left`,
      )
    }
    const type = typeAndFlags & NLA_TYPE_MASK
    if (wanted === undefined || wanted.has(type)) {
      const flags = typeAndFlags & ~NLA_TYPE_MASK
      attributes.push({ type, flags, octets: octets.subarray(at + NLA_HDRLEN, at + length) })
    }
    at += aligned(length)
  }
  return attributes
}

/** The last one of that type, as the kernel's own nla_parse keeps it. */
export function find(attributes: readonly Attribute[], type: number): Attribute | null {
  return attributes.findLast((a) => a.type === type) ?? null
}

function sized(a: Attribute, octets: number): DataView {
  if (a.octets.length < octets) {
    throw new NetlinkFormatError(
      `netlink attribute ${a.type}: ${a.octets.length} octets, expected ${octets}`,
    )
  }
  return viewOf(a.octets)
}

export function asU8(a: Attribute): number {
  return sized(a, 1).getUint8(0)
}

export function asU16(a: Attribute): number {
  return sized(a, 2).getUint16(0, HOST_LITTLE_ENDIAN)
}

export function asU32(a: Attribute): number {
  return sized(a, 4).getUint32(0, HOST_LITTLE_ENDIAN)
}

export function asS32(a: Attribute): number {
  return sized(a, 4).getInt32(0, HOST_LITTLE_ENDIAN)
}

export function asU64(a: Attribute): bigint {
  return sized(a, 8).getBigUint64(0, HOST_LITTLE_ENDIAN)
}

/** Up to the first NUL; some kernel strings come without one. */
export function asText(a: Attribute): string {
  const end = a.octets.indexOf(0)
  return decoder.decode(end === -1 ? a.octets : a.octets.subarray(0, end))
}

export function asNested(a: Attribute, wanted?: ReadonlySet<number>): Attribute[] {
  return decodeAttributes(a.octets, wanted)
}
