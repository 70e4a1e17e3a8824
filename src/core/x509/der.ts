/** Elements of DER (ITU-T X.690 §8.1, §10.1): one-octet tags, definite lengths. */
import type { Reader } from '../bytes.js'

export const Tag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** [n] of a CHOICE or an optional field: 0x80 + n primitive, 0xa0 + n constructed (§8.1.2). */
export const context = (n: number, form: 'primitive' | 'constructed'): number =>
  (form === 'primitive' ? 0x80 : 0xa0) + n

const LONG_LENGTH = 0x80
/** Of the length: elements beyond 16 MiB are in no certificate. */
const LENGTH_OCTETS = 3

export interface Element {
  readonly tag: number
  readonly content: Reader
}

/** null = no whole element comes next. */
export function readElement(reader: Reader): Element | null {
  const tag = reader.u8()
  const first = reader.u8()
  let octets = first
  if (first >= LONG_LENGTH) {
    const width = first - LONG_LENGTH
    if (width === 0 || width > LENGTH_OCTETS) return null
    octets = 0
    for (let i = 0; i < width; i++) octets = octets * 256 + reader.u8()
  }
  const content = reader.reader(octets)
  return content.short ? null : { tag, content }
}

/** The next element's content where it has the tag; null otherwise. */
export function readTagged(reader: Reader, tag: number): Reader | null {
  const element = readElement(reader)
  return element?.tag === tag ? element.content : null
}
