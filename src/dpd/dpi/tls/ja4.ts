/** JA4 of a ClientHello, after its published format: `t13d1516h2_8daaf6152771_e5627efa2ab1`. */
import { fromLatin1, latin1 } from '../../../core/bytes.js'
import { remembering } from '../../../core/digest-memo.js'
import { sha256 } from '../../../core/sha256.js'
import { type Extensions, ExtensionType } from './extensions.js'
import { withoutGrease } from './grease.js'

/** What carries it: TLS over TCP, or QUIC. */
export type Ja4Transport = 't' | 'q'

const HASH_CHARACTERS = 12
const NO_HASH = '0'.repeat(HASH_CHARACTERS)
const COUNT_MAX = 99
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0300, 's3'],
  [0x0301, '10'],
  [0x0302, '11'],
  [0x0303, '12'],
  [0x0304, '13'],
])
const ALPHANUMERIC = /^[0-9A-Za-z]$/

/** What of a ClientHello it is made of. */
interface Offer {
  readonly version: number
  readonly ciphers: readonly number[]
  readonly extensions: Extensions
}

export function ja4(hello: Offer, transport: Ja4Transport): string {
  const { version, extensions } = hello
  const ciphers = withoutGrease(hello.ciphers)
  const types = withoutGrease(extensions.types)
  const named = extensions.sni === undefined ? 'i' : 'd'
  const counts = `${count(ciphers.length)}${count(types.length)}`
  const head = `${transport}${VERSIONS.get(version) ?? '00'}${named}${counts}${alpnEnds(extensions.alpn)}`
  return `${head}_${cipherHash(ciphers)}_${extensionHash(types, extensions.signatureAlgorithms)}`
}

const count = (number: number): string => `${Math.min(number, COUNT_MAX)}`.padStart(2, '0')

/** First and last character of the first protocol; of its hexadecimal form where either is none of A-Z, a-z, 0-9. */
function alpnEnds(alpn: readonly string[] | undefined): string {
  const name = alpn?.[0] ?? ''
  if (name === '') return '00'
  const first = name.charAt(0)
  const last = name.charAt(name.length - 1)
  if (ALPHANUMERIC.test(first) && ALPHANUMERIC.test(last)) return first + last
  const [high = 0, low = 0] = fromLatin1(first + last)
  return `${(high >> 4).toString(16)}${(low & 15).toString(16)}`
}

function cipherHash(ciphers: readonly number[]): string {
  return ciphers.length === 0 ? NO_HASH : hash(ciphers, [])
}

/** Without server_name and ALPN, which the head tells; signature algorithms keep their order. */
function extensionHash(
  types: readonly number[],
  algorithms: readonly number[] | undefined,
): string {
  if (types.length === 0) return NO_HASH
  const told = types.filter(
    (type) => type !== ExtensionType.serverName && type !== ExtensionType.alpn,
  )
  return hash(told, withoutGrease(algorithms ?? []))
}

/** Four hexadecimal digits and a separator. */
const VALUE_OCTETS = 5
const COMMA = 0x2c
const UNDERSCORE = 0x5f

/** Of `sorted,…_inOrder,…`; written octet by octet, as it is made of each ClientHello. */
function hash(values: readonly number[], inOrder: readonly number[]): string {
  const text = new Uint8Array(VALUE_OCTETS * (values.length + inOrder.length))
  let at = 0
  const write = (value: number): void => {
    for (let shift = 12; shift >= 0; shift -= 4) text[at++] = hexDigit((value >> shift) & 15)
  }
  for (const value of Uint16Array.from(values).sort()) {
    if (at > 0) text[at++] = COMMA
    write(value)
  }
  for (const [i, value] of inOrder.entries()) {
    text[at++] = i === 0 ? UNDERSCORE : COMMA
    write(value)
  }
  return shortened(latin1(text, 0, at))
}

const shortened = remembering((text) => {
  const [first = 0, second = 0] = sha256(fromLatin1(text))
  const digits = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
  return (digits(first) + digits(second)).slice(0, HASH_CHARACTERS)
})

const hexDigit = (value: number): number => value + (value < 10 ? 0x30 : 0x57)
