/** ClientHello and ServerHello (RFC 8446 §4.1.2, §4.1.3; RFC 5246 §7.4.1), over TCP or in QUIC. */
import { fromLatin1, latin1, Reader } from '../../../core/bytes.js'
import type { Fields } from '../../../core/inspect/contract.js'
import type { FieldsDraft } from '../../../core/inspect/fields-draft.js'
import { sha256 } from '../../../core/sha256.js'
import { type Extensions, parseExtensions } from './extensions.js'
import { type Ja4Transport, ja4 } from './ja4.js'
import { choosable, highestVersion, isVersionDoubtful, versionName } from './version.js'

export const CLIENT_HELLO = 1
export const SERVER_HELLO = 2

const RANDOM_OCTETS = 32
const SESSION_ID_OCTETS = 32
/** SHA-256 of "HelloRetryRequest": a ServerHello with it is one (RFC 8446 §4.1.3). */
const HELLO_RETRY_RANDOM = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

/** Its values are copies: nothing of the octets is kept. */
export interface ClientHello {
  readonly legacyVersion: number
  /** The highest offered. */
  readonly version: number
  /** In wire order, GREASE included. */
  readonly ciphers: readonly number[]
  readonly extensions: Extensions
}
export type ClientHelloOrClause = ClientHello | { readonly clause: string }

export function parseClientHello(body: Uint8Array): ClientHelloOrClause {
  const reader = new Reader(body)
  const legacyVersion = reader.u16be()
  reader.skip(RANDOM_OCTETS)
  const sessionId = reader.octets(reader.u8())
  const ciphers = reader.octets(reader.u16be())
  const compressions = reader.octets(reader.u8())
  const bad =
    reader.short ||
    sessionId.length > SESSION_ID_OCTETS ||
    ciphers.length < 2 ||
    ciphers.length % 2 !== 0 ||
    compressions.length === 0
  if (bad) return { clause: 'RFC 8446 §4.1.2 ClientHello' }
  const extensions = parseExtensions(reader, 'client')
  if ('clause' in extensions) return extensions
  const version = highestVersion(extensions.versions ?? [], legacyVersion)
  return { legacyVersion, version, ciphers: pairs(ciphers), extensions }
}

function pairs(octets: Uint8Array): readonly number[] {
  const reader = new Reader(octets)
  const values: number[] = []
  while (reader.left > 0) values.push(reader.u16be())
  return values
}

/** What policy may ask for. */
export function offered(hello: ClientHello, transport: Ja4Transport): Fields {
  const { sni, alpn, versions, ech } = hello.extensions
  const fields: FieldsDraft = {}
  if (sni !== undefined) fields.sni = sni
  if (alpn !== undefined) fields.alpn = alpn
  fields.maxVersion = versionName(choosable(hello.version, versions ?? []))
  if (isVersionDoubtful(hello.version, hello.legacyVersion)) fields.ambiguous = ['maxVersion']
  fields.ja4 = ja4(hello, transport)
  if (ech === true) fields.ech = ech
  return fields
}

/** Longer ones are kept by their digest. */
const LASTING_CHARACTERS = 512

/** What a second ClientHello may not change (RFC 8446 §4.1.2), and not every server compares. */
export const lastingOf = ({ version, legacyVersion, extensions }: ClientHello): string => {
  const { sni, alpn, versions } = extensions
  const told = JSON.stringify([sni, alpn, versions, version, legacyVersion])
  return told.length <= LASTING_CHARACTERS ? told : sha256(fromLatin1(told)).join()
}

export interface ServerHello {
  readonly retry: boolean
  readonly version: number
  readonly fields: Fields
}
export type ServerHelloOrClause = ServerHello | { readonly clause: string }

export function parseServerHello(body: Uint8Array): ServerHelloOrClause {
  const reader = new Reader(body)
  const legacyVersion = reader.u16be()
  const random = reader.octets(RANDOM_OCTETS)
  const sessionId = reader.octets(reader.u8())
  const cipher = reader.u16be()
  reader.skip(1)
  if (reader.short || sessionId.length > SESSION_ID_OCTETS) {
    return { clause: 'RFC 8446 §4.1.3 ServerHello' }
  }
  const extensions = parseExtensions(reader, 'server')
  if ('clause' in extensions) return extensions
  const version = extensions.versions?.[0] ?? legacyVersion
  const [chosen] = extensions.alpn ?? []
  const fields: FieldsDraft = {
    version: versionName(version),
    cipher: `0x${cipher.toString(16).padStart(4, '0')}`,
  }
  if (chosen !== undefined) fields.alpnSelected = chosen
  return { retry: hex(random) === HELLO_RETRY_RANDOM, version, fields }
}

const hex = (octets: Uint8Array): string =>
  Array.from(latin1(octets), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('')
