/** Whom a certificate names (RFC 5280 §4.1): the subject's common names, then DNS names and addresses of subjectAltName. */
import { formatAddress } from '../address.js'
import { asciiLower, latin1, Reader } from '../bytes.js'
import { context, type Element, readElement, readTagged, Tag } from './der.js'

/** More than the certificates of large sites carry in practice are of no use in a report. */
export const NAMES_MAX = 64
/** As of ub-common-name's 64 characters of up to four octets, and DNS names (RFC 5280 A.1, RFC 1035 §2.3.4). */
const NAME_OCTETS = 256
/** Attributes of a subject and extensions that are looked at. */
const ELEMENTS_MAX = 128
/** DER of 2.5.4.3 and of 2.5.29.17. */
const COMMON_NAME = '\x55\x04\x03'
const SUBJECT_ALT_NAME = '\x55\x1d\x11'
const DNS_NAME = context(2, 'primitive')
const IP_ADDRESS = context(7, 'primitive')

/** null = not a certificate. In lower case, each once, at most NAMES_MAX. */
export function certificateNames(der: Uint8Array): readonly string[] | null {
  const certificate = readTagged(new Reader(der), Tag.sequence)
  const tbs = certificate === null ? null : readTagged(certificate, Tag.sequence)
  if (tbs === null) return null
  const fields = elements(tbs)
  if (fields[0]?.tag === context(0, 'constructed')) fields.shift()
  // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo.
  const [serial, , , , subject, key] = fields
  if (serial?.tag !== Tag.integer || subject?.tag !== Tag.sequence) return null
  if (key?.tag !== Tag.sequence) return null
  const names = new Set(commonNames(subject.content))
  const extensions = fields.find(({ tag }) => tag === context(3, 'constructed'))
  for (const name of alternativeNames(extensions)) {
    if (names.size < NAMES_MAX) names.add(name)
  }
  return [...names]
}

/** Those that are whole. */
function elements(reader: Reader): Element[] {
  const found: Element[] = []
  while (reader.left > 0 && found.length < ELEMENTS_MAX) {
    const element = readElement(reader)
    if (element === null) break
    found.push(element)
  }
  return found
}

function commonNames(subject: Reader): readonly string[] {
  const names: string[] = []
  for (const { content: set } of elements(subject)) {
    for (const { content: attribute } of elements(set)) {
      const type = readTagged(attribute, Tag.objectIdentifier)
      const value = readElement(attribute)
      if (type === null || value === null || rest(type) !== COMMON_NAME) continue
      const name = directoryString(value)
      if (name !== null) names.push(name)
    }
  }
  return names
}

function* alternativeNames(extensions: Element | undefined): Generator<string> {
  const list = extensions === undefined ? null : readTagged(extensions.content, Tag.sequence)
  for (const { content: extension } of list === null ? [] : elements(list)) {
    const type = readTagged(extension, Tag.objectIdentifier)
    if (type === null || rest(type) !== SUBJECT_ALT_NAME) continue
    // `critical` may stand between.
    const value = elements(extension).find(({ tag }) => tag === Tag.octetString)
    const general = value === undefined ? null : readTagged(value.content, Tag.sequence)
    for (const { tag, content } of general === null ? [] : elements(general)) {
      const name = tag === DNS_NAME ? text(content) : tag === IP_ADDRESS ? address(content) : null
      if (name !== null) yield name
    }
  }
}

const rest = (reader: Reader): string => latin1(reader.octets(reader.left))

function text(content: Reader): string | null {
  const bounded = content.left > 0 && content.left <= NAME_OCTETS
  return bounded ? asciiLower(rest(content)) : null
}

/** RFC 5280 §4.1.2.4: of its choices UTF8String and BMPString are not one octet a character. */
function directoryString({ tag, content }: Element): string | null {
  if (tag !== Tag.utf8String && tag !== Tag.bmpString) return text(content)
  if (content.left === 0 || content.left > NAME_OCTETS) return null
  const encoding = tag === Tag.utf8String ? 'utf-8' : 'utf-16be'
  return asciiLower(new TextDecoder(encoding).decode(content.octets(content.left)))
}

function address(content: Reader): string | null {
  const octets = content.octets(content.left)
  return octets.length === 4 || octets.length === 16 ? formatAddress(octets) : null
}
