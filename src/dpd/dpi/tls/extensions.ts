/** The extensions that policy and reports ask for (RFC 8446 §4.2, RFC 6066 §3, RFC 7301 §3.1). */
import { asciiLower, latin1, type Reader } from '../../../core/bytes.js'

const ExtensionType = {
  serverName: 0,
  alpn: 16,
  supportedVersions: 43,
  /** RFC 9849 §5. */
  encryptedClientHello: 0xfe0d,
} as const

const HOST_NAME = 0
/** A DNS name's text is at most 253 octets; a final dot is borne with. */
const SNI_OCTETS = 254
const VISIBLE = /^[!-~]+$/

export interface Extensions {
  readonly sni?: string
  readonly alpn?: readonly string[]
  /** Offered in a ClientHello, the one chosen in a ServerHello. */
  readonly versions?: readonly number[]
  readonly ech?: boolean
}
export type ExtensionsOrClause = Extensions | { readonly clause: string }
export type Hello = 'client' | 'server'

/** `reader` stands at the block's length; the block must end the message. An absent block is an empty one. */
export function parseExtensions(reader: Reader, hello: Hello): ExtensionsOrClause {
  if (reader.left === 0 && !reader.short) return {}
  const block = reader.reader(reader.u16be())
  if (block.short || reader.left > 0) return { clause: 'RFC 8446 §4.2 extensions length' }
  const seen = new Set<number>()
  const found: { -readonly [K in keyof Extensions]: Extensions[K] } = {}
  while (block.left > 0) {
    const type = block.u16be()
    const data = block.reader(block.u16be())
    if (data.short) return { clause: 'RFC 8446 §4.2 extension length' }
    if (seen.has(type)) return { clause: 'RFC 8446 §4.2 extension twice' }
    seen.add(type)
    const clause = parseExtension(type, data, hello, found)
    if (clause !== undefined) return { clause }
  }
  return found
}

function parseExtension(
  type: number,
  data: Reader,
  hello: Hello,
  found: { -readonly [K in keyof Extensions]: Extensions[K] },
): string | undefined {
  switch (type) {
    case ExtensionType.serverName: {
      // A server acknowledges with an empty one.
      if (hello === 'server') return undefined
      const sni = serverName(data)
      if (sni === null) return 'RFC 6066 §3 server_name'
      found.sni = sni
      return undefined
    }
    case ExtensionType.alpn: {
      const names = protocolNames(data)
      if (names === null) return 'RFC 7301 §3.1 protocol names'
      found.alpn = names
      return undefined
    }
    case ExtensionType.supportedVersions: {
      const versions = supportedVersions(data, hello)
      if (versions === null) return 'RFC 8446 §4.2.1 supported_versions'
      found.versions = versions
      return undefined
    }
    case ExtensionType.encryptedClientHello:
      found.ech = true
      return undefined
    default:
      return undefined
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
  const list = hello === 'client' ? data.reader(data.u8()) : data
  const versions: number[] = []
  while (list.left > 0 && !list.short) versions.push(list.u16be())
  const bad = list.short || data.left > 0 || versions.length === 0
  return bad || (hello === 'server' && versions.length > 1) ? null : versions
}
