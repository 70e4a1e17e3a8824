/** The extensions that policy and fingerprints ask for (RFC 8446 §4.2, RFC 6066 §3, RFC 7301 §3.1). */
import { asciiLower, latin1, type Reader } from '../../../core/bytes.js'

export const ExtensionType = {
  serverName: 0,
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  supportedVersions: 43,
  /** RFC 9849 §5. */
  encryptedClientHello: 0xfe0d,
} as const

const HOST_NAME = 0
/** ECHClientHelloType (RFC 9849 §5). */
const ECH_OUTER = 0
/** A DNS name's text is at most 253 octets; a final dot is borne with. */
const SNI_OCTETS = 254
const VISIBLE = /^[!-~]+$/

export interface Extensions {
  /** In wire order, GREASE included. */
  readonly types: readonly number[]
  readonly sni?: string
  readonly alpn?: readonly string[]
  /** Offered in a ClientHello, the one chosen in a ServerHello. */
  readonly versions?: readonly number[]
  readonly groups?: readonly number[]
  readonly pointFormats?: readonly number[]
  readonly signatureAlgorithms?: readonly number[]
  /** Real and GREASE ECH look alike from outside (RFC 9849 §6.2). */
  readonly ech?: boolean
}
/** Each has its place from the start: extensions come in any order, and an object's layout would follow it. */
type Found = { -readonly [K in keyof Required<Extensions>]: Extensions[K] }
export type ExtensionsOrClause = Extensions | { readonly clause: string }
export type Hello = 'client' | 'server'

/** `reader` stands at the block's length; the block must end the message. An absent block is an empty one. */
export function parseExtensions(reader: Reader, hello: Hello): ExtensionsOrClause {
  if (reader.left === 0 && !reader.short) return { types: [] }
  const block = reader.reader(reader.u16be())
  if (block.short || reader.left > 0) return { clause: 'RFC 8446 §4.2 extensions length' }
  const seen = new Set<number>()
  const found = nothingFound()
  while (block.left > 0) {
    const type = block.u16be()
    const data = block.reader(block.u16be())
    if (data.short) return { clause: 'RFC 8446 §4.2 extension length' }
    if (seen.has(type)) return { clause: 'RFC 8446 §4.2 extension twice' }
    seen.add(type)
    const clause = parseExtension(type, data, hello, found)
    if (clause !== null) return { clause }
  }
  found.types = [...seen]
  return found
}

const nothingFound = (): Found => ({
  types: [],
  sni: undefined,
  alpn: undefined,
  versions: undefined,
  groups: undefined,
  pointFormats: undefined,
  signatureAlgorithms: undefined,
  ech: undefined,
})

function parseExtension(type: number, data: Reader, hello: Hello, found: Found): string | null {
  switch (type) {
    case ExtensionType.alpn:
      found.alpn = protocolNames(data) ?? undefined
      return found.alpn === undefined ? 'RFC 7301 §3.1 protocol names' : null
    case ExtensionType.supportedVersions:
      found.versions = supportedVersions(data, hello) ?? undefined
      return found.versions === undefined ? 'RFC 8446 §4.2.1 supported_versions' : null
    default:
      // What a server says in the others is an acknowledgement.
      return hello === 'client' ? parseOffer(type, data, found) : null
  }
}

function parseOffer(type: number, data: Reader, found: Found): string | null {
  switch (type) {
    case ExtensionType.serverName:
      found.sni = serverName(data) ?? undefined
      return found.sni === undefined ? 'RFC 6066 §3 server_name' : null
    case ExtensionType.supportedGroups:
      found.groups = numbers(data, data.u16be(), 2) ?? undefined
      return found.groups === undefined ? 'RFC 8446 §4.2.7 supported_groups' : null
    case ExtensionType.pointFormats:
      found.pointFormats = numbers(data, data.u8(), 1) ?? undefined
      return found.pointFormats === undefined ? 'RFC 8422 §5.1.2 ec_point_formats' : null
    case ExtensionType.signatureAlgorithms:
      found.signatureAlgorithms = numbers(data, data.u16be(), 2) ?? undefined
      return found.signatureAlgorithms === undefined ? 'RFC 8446 §4.2.3 signature_algorithms' : null
    case ExtensionType.encryptedClientHello:
      if (data.u8() === ECH_OUTER && !data.short) found.ech = true
      return null
    default:
      return null
  }
}

/** Exactly one host_name: with two, or another type before it, servers differ in which they take. */
function serverName(data: Reader): string | null {
  const list = data.reader(data.u16be())
  const type = list.u8()
  const name = latin1(list.octets(list.u16be()))
  if (list.short || list.left > 0 || data.left > 0 || type !== HOST_NAME) return null
  if (name.length > SNI_OCTETS || !VISIBLE.test(name)) return null
  return asciiLower(name.endsWith('.') ? name.slice(0, -1) : name)
}

function protocolNames(data: Reader): readonly string[] | null {
  const list = data.reader(data.u16be())
  const names: string[] = []
  while (list.left > 0) names.push(latin1(list.octets(list.u8())))
  const bad = list.short || data.left > 0 || names.length === 0 || names.includes('')
  return bad ? null : names
}

function supportedVersions(data: Reader, hello: Hello): readonly number[] | null {
  const versions = numbers(data, hello === 'client' ? data.u8() : data.left, 2)
  return hello === 'server' && versions !== null && versions.length > 1 ? null : versions
}

/** A vector of `octets` octets that ends the extension: at least one number, none cut. */
function numbers(data: Reader, octets: number, width: 1 | 2): readonly number[] | null {
  const found: number[] = []
  if (data.short || data.left !== octets || octets === 0 || octets % width !== 0) return null
  while (data.left > 0) found.push(width === 1 ? data.u8() : data.u16be())
  return found
}
